//! How much the runs of a day have removed. The limit on removals is one for a day: a source that
//! shrinks a little in each run must not empty the catalog.

use serde_json::{Map, Value};

use super::reconcile::Plan;

/// How long a window is, in milliseconds.
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// How many kinds of removals there are.
pub(super) const KINDS: usize = 5;

/// Removals by kind, and the users who lost memberships.
pub type Counts = [u64; KINDS + 1];

/// A window: it begins with the first removal, and ends a day later.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Window {
    /// When it began, in milliseconds since 1970.
    since: i64,
    /// What has been removed since.
    pub(super) removed: Counts,
    /// What there was when it began.
    pub(super) before: Counts,
    /// What the run whose turn it is wants to remove, and what there was before that.
    pending: Counts,
    held: Counts,
}

impl Window {
    /// The window at this time: empty if it has ended. A clock that was set back does not end it, and
    /// does not make it last longer than a day from now.
    #[must_use]
    pub fn at(&self, now_ms: i64) -> Self {
        if now_ms < self.since {
            return Self { since: now_ms, ..self.clone() };
        }
        if now_ms - self.since >= DAY_MS { Self::default() } else { self.clone() }
    }

    /// The window in which the last run's removals are counted, also if that was killed: then what is no
    /// longer there was removed.
    #[must_use]
    pub fn settled(mut self, plan: &Plan) -> Self {
        let mut removed = self.pending;
        for ((count, before), now) in removed.iter_mut().zip(self.held).zip(plan.held()).take(KINDS)
        {
            *count = before.saturating_sub(now).min(*count);
        }
        self.remove(removed);
        self
    }

    /// The window while the steps of a plan are done.
    #[must_use]
    pub fn during(mut self, plan: &Plan, now_ms: i64) -> Self {
        if self.removed == Counts::default() {
            (self.since, self.before) = (now_ms, plan.held());
        }
        (self.pending, self.held) = (plan.all_removals(), plan.held());
        self
    }

    /// The window after these were done.
    #[must_use]
    pub fn after(mut self, removed: Counts) -> Self {
        self.remove(removed);
        self
    }

    fn remove(&mut self, removed: Counts) {
        for (sum, more) in self.removed.iter_mut().zip(removed) {
            *sum = sum.saturating_add(more);
        }
        (self.pending, self.held) = Default::default();
    }

    pub(super) fn read(value: &Map<String, Value>) -> Option<Self> {
        let counts = |name: &str| -> Option<Counts> {
            let list = value.get(name)?.as_array()?;
            let list: Option<Vec<u64>> = list.iter().map(Value::as_u64).collect();
            list?.try_into().ok()
        };
        Some(Self {
            since: value.get("since")?.as_i64()?,
            removed: counts("removed")?,
            before: counts("before")?,
            pending: counts("pending")?,
            held: counts("held")?,
        })
    }

    pub(super) fn to_json(&self, run: &str) -> String {
        let list = |counts: Counts| counts.map(|it| it.to_string()).join(",");
        let Self { since, removed, before, pending, held } = *self;
        format!(
            r#"{{"run":"{run}","since":{since},"removed":[{}],"before":[{}],"pending":[{}],"held":[{}]}}"#,
            list(removed),
            list(before),
            list(pending),
            list(held)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{DAY_MS, Window};

    #[test]
    fn window_lasts_a_day_and_a_clock_set_back_does_not_end_it() {
        let removed = [1, 2, 3, 4, 5, 6];
        let window = Window { since: 1_000, removed, before: [9; 6], ..Window::default() };
        assert_eq!(window.at(1_000 + DAY_MS - 1), window);
        assert_eq!(window.at(1_000 + DAY_MS), Window::default());
        let back = window.at(0);
        assert_eq!((back.since, back.removed), (0, window.removed));
        assert_eq!(back.at(DAY_MS), Window::default());
    }
}
