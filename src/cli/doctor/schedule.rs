//! Cron expressions as Cloudflare's parser reads them (crate `saffron`): minute, hour, day, month, weekday. The
//! week begins with 1, Sunday.

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
        let is_bare =
            !cron.starts_with(char::is_whitespace) && !cron.ends_with(char::is_whitespace);
        let fields: Vec<&str> = cron.split_whitespace().filter(|_| is_bare).collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else { return None };
        Some(Self {
            minutes: field(minutes, 0, 59, &[])?,
            hours: field(hours, 0, 23, &[])?,
            days: if is_day(days) { u64::MAX } else { field(days, 1, 31, &[])? },
            months: field(months, 1, 12, &MONTHS)?,
            weekdays: if is_weekday(weekdays) {
                u64::MAX
            } else {
                field(weekdays, 1, 7, &WEEKDAYS)?
            },
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

/// Whether a field of days is `L`, `LW`, `L-3` or `15W`, which may be any day.
fn is_day(text: &str) -> bool {
    let is_within = |text: &str, last| text.parse::<u32>().is_ok_and(|it| (1..=last).contains(&it));
    matches!(text, "L" | "LW")
        || text.strip_prefix("L-").is_some_and(|before| is_within(before, 30))
        || text.strip_suffix('W').is_some_and(|day| is_within(day, 31))
}

/// Whether a field of weekdays is `L`, `6L` or `2#1`, which may be any day.
fn is_weekday(text: &str) -> bool {
    let is_one = |text: &str| value(text, 1, 7, &WEEKDAYS).is_some();
    text == "L"
        || text.strip_suffix('L').is_some_and(is_one)
        || text.split_once('#').is_some_and(|(day, week)| {
            is_one(day) && week.parse::<u32>().is_ok_and(|week| (1..=5).contains(&week))
        })
}

/// A number or a name. Names stand for 1 and what follows it.
fn value(text: &str, first: u32, last: u32, names: &[&str]) -> Option<u32> {
    let position = names.iter().position(|name| text.eq_ignore_ascii_case(name));
    let value = match position {
        Some(at) => u32::try_from(at).ok()? + 1,
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok()?,
        None => return None,
    };
    (first..=last).contains(&value).then_some(value)
}

/// The values of a field. A range may go over its end: `FRI-MON`.
fn field(text: &str, first: u32, last: u32, names: &[&str]) -> Option<u64> {
    let value = |text: &str| value(text, first, last, names);
    let mut bits = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => {
                (range, Some(step.parse().ok().filter(|step| (1..=last - first).contains(step))?))
            }
            None => (part, None),
        };
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (value(from)?, value(to)?),
            None if range == "*" => (first, last),
            None => (value(range)?, if step.is_some() { last } else { value(range)? }),
        };
        let to = if from > to { to + last - first + 1 } else { to };
        for number in (from..=to).step_by(usize::try_from(step.unwrap_or(1u32)).ok()?) {
            bits |= 1u64 << if number > last { number - (last - first + 1) } else { number };
        }
    }
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::Schedule;

    #[test]
    fn expressions_of_five_fields_in_their_ranges_are_read() {
        // What the crate `saffron` 0.1 says of them.
        for cron in [
            "* * * * *",
            "*/5 0-6 1,15 * *",
            "0 3 L * MON-FRI",
            "0 3 * jan 6L",
            "5/10 * * * 2#1",
            "0 3 * * 7",
            "0 3 * * FRI-MON",
            "9-3 * * * *",
            "0 0 * nov-feb *",
            "0 0 LW * *",
            "0 0 15W * *",
            "0 0 L-30 * *",
            "0 0 * * FRIL",
            "0 0 * * L",
            "*/59 * * * *",
            "0 */23 * * *",
            "0 0 */30 * *",
            "0 0 * * */6",
            "1-59/2 * * * *",
            "1,2-4,6/20 * * * *",
            "00 03 * * *",
            "0\t3 * * *",
            "*/5  * * * *",
        ] {
            assert!(Schedule::parse(cron).is_some(), "{cron}");
        }
        for cron in [
            "",
            "* * * *",
            "* * * * * *",
            " */5 * * * *",
            "*/5 * * * * ",
            "60 * * * *",
            "+5 * * * *",
            "60/5 * * * *",
            "0 24 * * *",
            "*/0 * * * *",
            "*/60 * * * *",
            "0 */24 * * *",
            "0 0 */31 * *",
            "0 0 * * */7",
            "@daily",
            "0 3 * * FOO",
            "0 3 * * MONDAY",
            "0 3 * * 0",
            "0 3 * * 8",
            "0 0 ? * *",
            "0 0 32 * *",
            "0 0 32W * *",
            "0 0 5w * *",
            "0 0 l * *",
            "0 0 L-0 * *",
            "0 0 1,L * *",
            "0 0 1,15W * *",
            "0 0 * * MON#6",
            "0 0 * * 1#0",
            "0 0 * * 0L",
            "0 0 * 13 *",
            "0 0 * 0 *",
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
