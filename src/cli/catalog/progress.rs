//! How far a long command is, for whoever watches.

use std::io::{IsTerminal as _, Write as _};

/// How many signs the bar has.
const WIDTH: usize = 30;

/// Shows it, on a terminal; the last time with the end of the line.
pub(super) fn progress(done: usize, total: usize, what: &str) {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        let end = if done >= total { "\n" } else { "" };
        let _ = write!(stderr, "\r\x1b[K{}{end}", line(done, total, what));
    }
}

fn line(done: usize, total: usize, what: &str) -> String {
    let filled = (done.min(total) * WIDTH).checked_div(total).unwrap_or(WIDTH);
    let bar: String = (0..WIDTH).map(|at| if at < filled { '#' } else { '.' }).collect();
    format!("[{bar}] {done} of {total} {what}")
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn the_bar_is_empty_at_first_and_full_at_the_end() {
        assert_eq!(line(0, 9, "users"), format!("[{}] 0 of 9 users", ".".repeat(30)));
        assert_eq!(
            line(200, 600, "users"),
            format!("[{}{}] 200 of 600 users", "#".repeat(10), ".".repeat(20))
        );
        for (done, total) in [(9, 9), (10, 9), (0, 0)] {
            assert!(line(done, total, "").starts_with(&format!("[{}]", "#".repeat(30))));
        }
    }
}
