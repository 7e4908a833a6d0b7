//! Cron expressions as Cloudflare reads them: minute, hour, day, month, weekday.

/// When a cron expression fires: one bit for each value of each field.
#[derive(Debug)]
pub(super) struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Schedule {
    /// Reads an expression; `None` if it is none.
    pub(super) fn parse(cron: &str) -> Option<Self> {
        let fields: Vec<&str> = cron.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else { return None };
        Some(Self {
            minutes: field(minutes, 0, 59, &[])?,
            hours: field(hours, 0, 23, &[])?,
            days: day_field(days, 1, 31, &[])?,
            months: field(months, 1, 12, &MONTHS)?,
            weekdays: day_field(weekdays, 0, 7, &WEEKDAYS)?,
        })
    }

    /// Whether there is a day in any year on which it fires.
    pub(super) fn ever_fires(&self) -> bool {
        let longest = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        longest.iter().zip(1..).any(|(days, month): (&u32, u32)| {
            self.months >> month & 1 == 1 && (1..=*days).any(|day| self.days >> day & 1 == 1)
        })
    }

    /// Whether both fire on one day with less than `shortest` minutes between them.
    pub(super) fn overlaps(&self, other: &Self, shortest: u32) -> bool {
        let same_day = self.months & other.months != 0
            && self.days & other.days != 0
            && self.weekdays & other.weekdays != 0;
        let others = other.times();
        same_day
            && self.times().iter().any(|time| others.iter().any(|it| time.abs_diff(*it) < shortest))
    }

    /// The minutes of the day.
    fn times(&self) -> Vec<u32> {
        let hours = (0..24u32).filter(|hour| self.hours >> hour & 1 == 1);
        hours
            .flat_map(|hour| {
                let minutes = (0..60u32).filter(|minute| self.minutes >> minute & 1 == 1);
                minutes.map(move |minute| hour * 60 + minute)
            })
            .collect()
    }
}

/// A field of days, which may also have `L`, `W` and `#`: those may be any day.
fn day_field(text: &str, first: u32, last: u32, names: &[&str]) -> Option<u64> {
    let is_special = !names.iter().any(|name| text.eq_ignore_ascii_case(name))
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'#' | b','))
        && (text.contains('#') || text.ends_with(['L', 'W', 'l', 'w']));
    if is_special { Some(u64::MAX) } else { field(text, first, last, names) }
}

/// The values of a field. Names stand for 1 and what follows it.
fn field(text: &str, first: u32, last: u32, names: &[&str]) -> Option<u64> {
    let value = |text: &str| -> Option<u32> {
        let position = names.iter().position(|name| text.eq_ignore_ascii_case(name));
        let value = match position {
            Some(at) => u32::try_from(at).ok()? + 1,
            None => text.parse().ok()?,
        };
        (first..=last).contains(&value).then_some(value)
    };
    let mut bits = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse().ok().filter(|step| *step > 0)?)),
            None => (part, None),
        };
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (value(from)?, value(to)?),
            None if range == "*" => (first, last),
            None => (value(range)?, if step.is_some() { last } else { value(range)? }),
        };
        if from > to {
            return None;
        }
        let step = usize::try_from(step.unwrap_or(1u32)).ok()?;
        for value in (from..=to).step_by(step) {
            bits |= 1u64 << value;
        }
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::Schedule;

    #[test]
    fn expressions_of_five_fields_in_their_ranges_are_read() {
        for cron in
            ["* * * * *", "*/5 0-6 1,15 * *", "0 3 L * MON-FRI", "0 3 * jan 6L", "5/10 * * * 2#1"]
        {
            assert!(Schedule::parse(cron).is_some(), "{cron}");
        }
        for cron in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "0 24 * * *",
            "*/0 * * * *",
            "@daily",
            "0 3 * * FOO",
            "9-3 * * * *",
            "0 0 32 * *",
            "0 0 * 13 *",
        ] {
            assert!(Schedule::parse(cron).is_none(), "{cron}");
        }
    }

    #[test]
    fn schedules_overlap_if_they_fire_together_or_nearly() {
        for (one, other, expected) in [
            ("*/15 * * * *", "0 3 * * *", true),
            ("*/15 * * * *", "2 3 * * *", true),
            ("*/15 * * * *", "7 3 * * *", false),
            ("0 3 * * MON", "0 3 * * TUE", false),
            ("0 3 1 * *", "0 3 2 * *", false),
        ] {
            let read = |cron| Schedule::parse(cron).unwrap();
            assert_eq!(read(one).overlaps(&read(other), 5), expected, "{one} {other}");
        }
    }
}
