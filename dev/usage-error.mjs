/** An argument is wrong, or the port is taken. The message says what to do. */
export class UsageError extends Error {}
