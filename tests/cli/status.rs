//! `cfaccess catalog status`, and what `push` leaves for it and for other runs.

use serde_json::{Value, json};

use crate::push::{Ground, users};
use crate::sandbox::Run;

fn status(ground: &Ground, arguments: &[&str]) -> Run {
    ground.run(&[&["catalog", "status"][..], arguments].concat())
}

fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn status_says_what_the_last_push_did_and_fails_with_it() {
    let ground = Ground::new("status");
    let none = status(&ground, &[]);
    assert_eq!(none.code, 1);
    assert!(none.errors()[0].starts_with("no run has been recorded"), "{}", none.stderr);

    assert_eq!(ground.push_users(&users(10), &[]).code, 0);
    let run = status(&ground, &["--max-age", "1h"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for expected in ["by push, in ", "outcome      ok\n", "10 users, 1 groups\n", "layout       1"]
    {
        assert!(run.stdout.contains(expected), "{}", run.stdout);
    }
    let ok = json_of(&status(&ground, &["--json"]));
    let last = &ok["lastRun"];
    assert_eq!((&last["outcome"], &last["source"]), (&json!("ok"), &json!("push")));
    assert_eq!((&last["users"], &last["ok"]), (&json!(10), &last["end"]));
    assert!(ok["ageSeconds"].as_u64().unwrap() < 600);
    assert_eq!(ok["running"], Value::Null);
    assert!(last["start"].as_str().unwrap().ends_with('Z'), "{last}");

    assert_eq!(ground.push_users(&users(5), &[]).code, 1);
    let run = status(&ground, &["--json"]);
    assert_eq!(run.errors(), ["the last run was refused: removals_excessive"]);
    let refused = json_of(&run);
    assert_eq!(refused["lastRun"]["code"], "removals_excessive");
    assert_eq!(refused["lastRun"]["ok"], last["ok"]);

    // A dry run is none.
    assert_eq!(ground.push_users(&users(10), &["--dry-run"]).code, 0);
    assert_eq!(status(&ground, &[]).code, 1);
    assert_eq!(ground.push_users(&users(10), &[]).code, 0);
    assert_eq!(status(&ground, &[]).code, 0);

    let marker = json!({ "start": 0, "end": 0, "source": "cron\u{1b}", "users": 1, "groups": 1,
        "outcome": "unfinished", "code": "run_limit", "layout": 1, "ok": 0 });
    ground.cloud.puts("v1:sync", &marker.to_string());
    let run = status(&ground, &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("unfinished (run_limit)") && !run.stdout.contains('\u{1b}'));
    let run = status(&ground, &["--max-age", "2d"]);
    assert_eq!(run.code, 1);
    assert!(run.errors()[0].ends_with("more than 172800 s"), "{}", run.stderr);
    assert_eq!(status(&ground, &["--max-age", "2 weeks"]).code, 2);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "native; the program under test has this clock too")]
fn push_writes_nothing_while_another_run_writes_unless_that_was_stopped() {
    let ground = Ground::new("claim");
    ground.cloud.puts("v1:sync:run:push-9000000000000-00000001", "");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let claim = format!("v1:sync:run:cron-{}-00000002", now.as_millis());
    ground.cloud.puts(&claim, "");
    let run = ground.push_users(&users(3), &[]);
    assert_eq!(run.code, 1);
    assert!(run.errors()[0].starts_with("a run of cron began to write "), "{}", run.stderr);
    assert!(run.errors()[0].ends_with("run it with --resume if it was stopped"), "{}", run.stderr);
    assert_eq!(ground.cloud.pairs().len(), 0);
    assert_eq!(json_of(&status(&ground, &["--json"]))["running"]["source"], "cron");
    let run = ground.push_users(&users(3), &["--resume"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(ground.cloud.pairs().len(), 6);
    // The claims are gone.
    let run = ground.push_users(&users(2), &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn push_does_not_write_records_of_an_older_layout_than_there_are() {
    let ground = Ground::new("layout");
    let marker = json!({ "start": 0, "end": 0, "source": "cron", "users": 1, "groups": 1,
        "outcome": "ok", "layout": 2, "ok": 0 });
    ground.cloud.puts("v1:sync", &marker.to_string());
    let run = ground.push_users(&users(3), &["--force"]);
    assert_eq!(run.code, 1);
    assert!(run.errors()[0].starts_with("the records in KV have layout 2, and"), "{}", run.stderr);
    assert_eq!(ground.cloud.writes(), [""; 0]);
}

#[test]
fn removals_of_several_pushes_count_together_within_a_day() {
    let ground = Ground::new("day");
    assert_eq!(ground.push_users(&users(20), &[]).code, 0);
    assert_eq!(ground.push_users(&users(17), &[]).code, 0);
    let run = ground.push_users(&users(15), &[]);
    assert_eq!(
        run.errors(),
        [
            "2 of 17 users would be removed, with those before 5 of 20 within a day, more than 20 %: \
          nothing is written. If the source is right, run it with --force"
        ]
    );
    assert_eq!(ground.push_users(&users(15), &["--force"]).code, 0);
    // What was meant does not count.
    assert_eq!(ground.push_users(&users(13), &[]).code, 0);
}
