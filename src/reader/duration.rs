//! Durations as Backstage takes them (`readDurationFromConfig` of `@backstage/config`): an object
//! of units, an ISO 8601 duration, or a text of the npm package `ms`.

use std::time::Duration;

use serde_json::Value;

/// Milliseconds in each unit, as Backstage and `ms` count them: a month is 30 days in luxon's casual
/// conversion, a year 365; `ms` has years of 365.25 days.
const UNITS: [(&str, f64); 8] = [
    ("years", 365.0 * 86_400_000.0),
    ("months", 30.0 * 86_400_000.0),
    ("weeks", 7.0 * 86_400_000.0),
    ("days", 86_400_000.0),
    ("hours", 3_600_000.0),
    ("minutes", 60_000.0),
    ("seconds", 1_000.0),
    ("milliseconds", 1.0),
];

/// Reads a duration.
///
/// # Errors
/// A sentence that says what is wrong.
pub(super) fn read(value: &Value) -> Result<Duration, String> {
    let milliseconds = match value {
        Value::Object(units) => {
            let mut sum = 0.0;
            for (unit, amount) in units {
                let factor = UNITS.iter().find(|(name, _)| name == unit).map(|(_, factor)| factor);
                match (factor, amount.as_f64()) {
                    (Some(factor), Some(amount)) => sum += factor * amount,
                    (None, _) => return Err(format!("has an unknown unit `{unit}`")),
                    (_, None) => return Err(format!("must have a number of `{unit}`")),
                }
            }
            if units.is_empty() {
                return Err("must have a unit, such as `{ hours = 1 }`".to_owned());
            }
            sum
        }
        Value::String(text) => {
            let text = text.trim();
            if text.starts_with('P') { iso(text) } else { npm_ms(text) }.ok_or_else(|| {
                format!("is not a duration: `{text}`; try `1h`, `PT1H` or `{{ hours = 1 }}`")
            })?
        }
        _ => return Err("must be a duration: `1h`, `PT1H` or `{ hours = 1 }`".to_owned()),
    };
    Duration::try_from_secs_f64(milliseconds / 1_000.0)
        .map_err(|_| "must be neither negative nor endless".to_owned())
}

/// `PnYnMnWnDTnHnMnS`.
fn iso(text: &str) -> Option<f64> {
    let rest = text.strip_prefix('P')?;
    let (date, time) = match rest.split_once('T') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None if rest.is_empty() => return None,
        None => (rest, ""),
    };
    Some(
        iso_part(date, &[('Y', "years"), ('M', "months"), ('W', "weeks"), ('D', "days")])?
            + iso_part(time, &[('H', "hours"), ('M', "minutes"), ('S', "seconds")])?,
    )
}

fn iso_part(mut text: &str, units: &[(char, &str)]) -> Option<f64> {
    let mut sum = 0.0;
    for (letter, unit) in units {
        let Some((number, rest)) = text.split_once(*letter) else { continue };
        sum += number_of(&number.replace(',', "."))? * factor(unit)?;
        text = rest;
    }
    text.is_empty().then_some(sum)
}

/// `1h`, `2 days`, `1.5 hours`; a number alone is refused, as Backstage refuses it.
fn npm_ms(text: &str) -> Option<f64> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(split);
    let unit = match unit.trim_start().to_ascii_lowercase().as_str() {
        "years" | "year" | "yrs" | "yr" | "y" => {
            return Some(number_of(number)? * 31_557_600_000.0);
        }
        "weeks" | "week" | "w" => "weeks",
        "days" | "day" | "d" => "days",
        "hours" | "hour" | "hrs" | "hr" | "h" => "hours",
        "minutes" | "minute" | "mins" | "min" | "m" => "minutes",
        "seconds" | "second" | "secs" | "sec" | "s" => "seconds",
        "milliseconds" | "millisecond" | "msecs" | "msec" | "ms" => "milliseconds",
        _ => return None,
    };
    Some(number_of(number)? * factor(unit)?)
}

fn factor(unit: &str) -> Option<f64> {
    UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor)
}

fn number_of(text: &str) -> Option<f64> {
    // serde_json's reader of numbers, which the module holds already; the standard library's would
    // add 20 KiB to it.
    let text = text.strip_suffix('.').unwrap_or(text);
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = serde_json::from_slice::<Value>(text.as_bytes()).ok().filter(|_| digits);
    number.and_then(|number| number.as_f64())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::read;

    #[test]
    fn the_three_forms_mean_the_same() {
        for value in [
            json!("1h"),
            json!("1 hour"),
            json!("60 mins"),
            json!("PT1H"),
            json!("PT60M"),
            json!("PT3600S"),
            json!({ "hours": 1 }),
            json!({ "minutes": 30, "seconds": 1800 }),
        ] {
            assert_eq!(read(&value), Ok(Duration::from_hours(1)), "{value}");
        }
        assert_eq!(read(&json!("P1DT12H")), Ok(Duration::from_hours(36)));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for value in [
            json!("60"),
            json!(60),
            json!(""),
            json!("P"),
            json!("PT"),
            json!("P1DT"),
            json!("1 fortnight"),
            json!("-1h"),
            json!("PT1H30"),
            json!({}),
            json!({ "hour": 1 }),
            json!({ "hours": "1" }),
            json!({ "hours": -1 }),
        ] {
            assert!(read(&value).is_err(), "{value}");
        }
    }
}
