// Backstage's default database is the npm package better-sqlite3, which has to be downloaded as a
// binary or compiled. This package takes its place with Node's own SQLite: as much of the interface
// as knex uses.

const { DatabaseSync } = require("node:sqlite");

/** SQLITE_CONSTRAINT and its extended codes, by which Backstage knows a conflict. */
const CONSTRAINTS = {
  787: "SQLITE_CONSTRAINT_FOREIGNKEY",
  1299: "SQLITE_CONSTRAINT_NOTNULL",
  1555: "SQLITE_CONSTRAINT_PRIMARYKEY",
  2067: "SQLITE_CONSTRAINT_UNIQUE",
};

class Database {
  #database;

  constructor(filename, { readonly = false } = {}) {
    this.#database = new DatabaseSync(filename, { readOnly: readonly });
  }

  prepare(sql) {
    return new Statement(this.#database.prepare(sql));
  }

  exec(sql) {
    this.#database.exec(sql);
    return this;
  }

  pragma(text) {
    return this.prepare(`PRAGMA ${text}`).all();
  }

  close() {
    this.#database.close();
  }
}

class Statement {
  #statement;

  constructor(statement) {
    this.#statement = statement;
    /** Whether it answers rows. */
    this.reader = statement.columns().length > 0;
  }

  all(bindings = []) {
    // Rows without a prototype surprise callers of `hasOwnProperty`.
    return translated(() => this.#statement.all(...bindings).map((row) => ({ ...row })));
  }

  run(bindings = []) {
    return translated(() => this.#statement.run(...bindings));
  }
}

function translated(body) {
  try {
    return body();
  } catch (error) {
    if (error.errcode !== undefined) error.code = CONSTRAINTS[error.errcode] ?? "SQLITE_ERROR";
    throw error;
  }
}

module.exports = Database;
