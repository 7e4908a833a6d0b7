//! Scalars by YAML 1.2's core schema, as the `yaml` package resolves them with which Backstage reads
//! catalog files: `NO` and `1_000` are strings, `012` is the number 12, `0o14` too.

use serde_json::{Number, Value};

/// The longest integer that JavaScript's numbers hold exactly.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// A scalar.
#[derive(Debug)]
pub(super) enum Scalar {
    Json(Value),
    /// A number that JSON does not have and writes as `null`, by its name in JavaScript.
    NonFinite(&'static str),
}

/// The value of a scalar. `tag` is the suffix of a tag `tag:yaml.org,2002:…`, or any other tag.
pub(super) fn resolve(text: &str, is_plain: bool, tag: Option<&str>) -> Scalar {
    let string = || Scalar::Json(Value::String(text.to_owned()));
    match tag {
        None if is_plain => plain(text),
        Some("null" | "bool" | "int" | "float") => {
            let value = plain(text);
            let fits = match (&value, tag) {
                (Scalar::Json(value), Some("null")) => value.is_null(),
                (Scalar::Json(value), Some("bool")) => value.is_boolean(),
                (Scalar::Json(value), _) => value.is_number(),
                (Scalar::NonFinite(_), _) => tag == Some("float"),
            };
            if fits { value } else { string() }
        }
        _ => string(),
    }
}

fn plain(text: &str) -> Scalar {
    Scalar::Json(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Scalar::NonFinite("NaN"),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Scalar::NonFinite("Infinity");
        }
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::NonFinite("-Infinity"),
        _ => return number(text).map_or_else(|| Scalar::Json(Value::String(text.to_owned())), of),
    })
}

fn number(text: &str) -> Option<f64> {
    for (prefix, radix) in [("0o", 8), ("0x", 16)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return in_radix(digits, radix);
        }
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !is_decimal(unsigned) {
        return None;
    }
    text.parse().ok()
}

/// `[0-9]+`, `\.[0-9]+` or `[0-9]+\.[0-9]*`, with or without an exponent.
fn is_decimal(text: &str) -> bool {
    let are_digits = |it: &str| it.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_exponent = exponent.is_none_or(|it| {
        let digits = it.strip_prefix(['+', '-']).unwrap_or(it);
        !digits.is_empty() && are_digits(digits)
    });
    !(whole.is_empty() && fraction.is_empty())
        && are_digits(whole)
        && are_digits(fraction)
        && has_exponent
}

fn in_radix(digits: &str, radix: u32) -> Option<f64> {
    let mut value = 0.0;
    for digit in digits.chars() {
        value = value * f64::from(radix) + f64::from(digit.to_digit(radix)?);
    }
    (!digits.is_empty()).then_some(value)
}

/// A number as JavaScript has it: whole ones are written without a fraction.
fn of(value: f64) -> Scalar {
    if value.fract() == 0.0 && value.abs() <= MAX_EXACT {
        let text = format!("{value:.0}");
        if let Ok(whole) = text.parse::<i64>() {
            return Scalar::Json(whole.into());
        }
    }
    let infinity = if value < 0.0 { "-Infinity" } else { "Infinity" };
    Number::from_f64(value)
        .map_or(Scalar::NonFinite(infinity), |number| Scalar::Json(Value::Number(number)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Scalar;

    fn resolve(text: &str, is_plain: bool, tag: Option<&str>) -> Value {
        match super::resolve(text, is_plain, tag) {
            Scalar::Json(value) => value,
            Scalar::NonFinite(name) => json!({ "number": name }),
        }
    }

    #[test]
    fn plain_scalars_are_what_the_core_schema_says() {
        for text in [
            "NO",
            "no",
            "yes",
            "on",
            "y",
            "1_000",
            "2024_01",
            "0b11",
            "0x",
            "0o8",
            "-0o7",
            "+0x1",
            "2024-01-01",
            "12:30:45",
            "1.2.3",
            "<<",
            "nan",
            "NaN",
            "inf",
            "Infinity",
            "+.nan",
            ".",
            "e3",
            "1e",
            "nULL",
            "tRUE",
            "0X1F",
            "+",
            "-",
            "=",
        ] {
            assert_eq!(resolve(text, true, None), json!(text), "{text}");
        }
        for (text, value) in [
            ("012", json!(12)),
            ("0o14", json!(12)),
            ("0x1F", json!(31)),
            ("-007", json!(-7)),
            ("+1", json!(1)),
            ("1.", json!(1)),
            (".5", json!(0.5)),
            ("1e3", json!(1000)),
            ("-1.5E-1", json!(-0.15)),
            ("12345678901234567890", json!(12_345_678_901_234_567_890.0)),
            ("~", Value::Null),
            ("", Value::Null),
            ("Null", Value::Null),
            ("TRUE", json!(true)),
            ("False", json!(false)),
            (".nan", json!({ "number": "NaN" })),
            ("-.INF", json!({ "number": "-Infinity" })),
            ("1e999", json!({ "number": "Infinity" })),
        ] {
            assert_eq!(resolve(text, true, None), value, "{text}");
            assert_eq!(resolve(text, false, None), json!(text), "{text} in quotes");
            assert_eq!(resolve(text, true, Some("str")), json!(text), "!!str {text}");
        }
        assert_eq!(resolve("7", false, Some("int")), json!(7));
        assert_eq!(resolve("7", true, Some("!mine")), json!("7"));
    }
}
