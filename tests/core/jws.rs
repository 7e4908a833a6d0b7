//! The form of an assertion, before anything in it is believed: what is malformed, what is
//! unsupported, and that no bit of it can be changed.

use backstage_cfaccess::access::{MAX_ASSERTION_BYTES, UnverifiedAssertion};
use backstage_cfaccess::error::{GateError, Malformed, Refusal, Unsupported};

use crate::support::{Claims, Lab, NOW, TEAM, at, encode, header, mint};

fn malformed(token: &str) -> Malformed {
    match UnverifiedAssertion::parse(token) {
        Err(Refusal::AssertionMalformed(what)) => what,
        other => panic!("{token}: {other:?}"),
    }
}

pub(super) fn unsupported(token: &str) -> Unsupported {
    match UnverifiedAssertion::parse(token) {
        Err(Refusal::AssertionUnsupported(what)) => what,
        other => panic!("{token}: {other:?}"),
    }
}

/// A compact JWS without a true signature, for what must be refused before one is looked at.
fn unsigned(header: &str, payload: &str) -> String {
    format!("{}.{}.{}", encode(header), encode(payload), encode("signature"))
}

/// The header with more members.
pub(super) fn header_with(members: &str) -> String {
    header().replacen('{', &format!("{{{members},"), 1)
}

pub(super) fn with_header(header: &str) -> String {
    unsigned(header, &Claims::user().text())
}

fn with_payload(payload: impl AsRef<[u8]>) -> String {
    format!("{}.{}.{}", encode(header()), encode(payload), encode("signature"))
}

/// What a gate that knows the team's keys says of an assertion.
pub(super) fn refusal(token: &str) -> Option<GateError> {
    Lab::new().verify(token, NOW).err()
}

#[test]
fn well_formed_assertion_is_parsed_and_its_claims_keep_their_spelling() {
    let payload = Claims::user().text().replacen('{', "{ \n\t", 1);
    let token = mint(&header(), &payload);
    let unverified = UnverifiedAssertion::parse(&token).unwrap();
    let (signing_input, _) = token.rsplit_once('.').unwrap();
    assert_eq!(unverified.key_id, TEAM.kid);
    assert_eq!(unverified.payload_json, payload);
    assert_eq!(unverified.signing_input, signing_input.as_bytes());
    assert_eq!(unverified.signature, TEAM.sign(signing_input.as_bytes()));
    assert_eq!(unverified.claims.expiration, Some(at(NOW + 3600)));
    assert_eq!(unverified.claims.custom.email.as_deref(), Some("jane@example.com"));
}

#[test]
fn assertion_without_three_parts_is_refused() {
    let good = Claims::user().mint();
    let (header, rest) = good.split_once('.').unwrap();
    let jwe = format!("{header}.{}.{}.{rest}", encode("key"), encode("iv"));
    for token in [
        "",
        "garbage",
        header,
        rest,
        &format!("{good}."),
        &format!("{good}.{header}"),
        &format!(".{good}"),
        &jwe,
        "....",
    ] {
        assert_eq!(malformed(token), Malformed::Parts, "{token}");
    }
}

#[test]
fn empty_parts_are_refused() {
    let good = Claims::user().mint();
    let [header, payload, _] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    assert_eq!(malformed(&format!(".{payload}.x")), Malformed::Json);
    assert_eq!(malformed(&format!("{header}..x")), Malformed::Json);
    assert_eq!(malformed(".."), Malformed::Json);
    let unsigned = format!("{header}.{payload}.");
    assert_eq!(refusal(&unsigned), Some(Refusal::SignatureInvalid.into()));
}

#[test]
fn characters_outside_the_alphabet_are_refused_at_every_place() {
    let good = Claims::user().mint();
    let middle = good.len() / 2;
    for stranger in [
        "=", "+", "/", " ", "\n", "\r\n", "\t", "\0", ",", ";", "%", "\"", "~", ":", "é", "ａ",
        "\u{200b}", "\u{feff}", "\u{7f}",
    ] {
        for token in [
            format!("{stranger}{good}"),
            format!("{}{stranger}{}", &good[..middle], &good[middle..]),
            format!("{good}{stranger}"),
        ] {
            assert_eq!(malformed(&token), Malformed::Character, "{stranger:?}");
        }
    }
}

#[test]
fn base64_padding_is_refused() {
    let [header, payload] = [header(), Claims::user().text()].map(encode);
    for padded in [format!("{header}=.{payload}.x"), format!("{header}.{payload}=.x")] {
        assert_eq!(malformed(&padded), Malformed::Character);
    }
    assert_eq!(malformed(&format!("{header}.{payload}.eA==")), Malformed::Character);
}

#[test]
fn other_spellings_of_the_same_bytes_are_refused() {
    // The last character of a part of 3n + 1 or 3n + 2 bytes has 4 or 2 bits that mean nothing.
    let (header, payload) = (encode(r#"{"a":12}"#), encode(r#"{"a":1}"#));
    assert_eq!((header.len() % 4, payload.len() % 4), (3, 2));
    let other_spelling = |part: &str| {
        let last = part.bytes().last().unwrap();
        format!("{}{}", &part[..part.len() - 1], char::from(last + 1))
    };
    let spelled = other_spelling(&header);
    assert_eq!(malformed(&format!("{spelled}.{payload}.x")), Malformed::Base64);
    let header = encode(self::header());
    let spelled = other_spelling(&payload);
    assert_eq!(malformed(&format!("{header}.{spelled}.x")), Malformed::Base64);

    let good = Claims::user().mint();
    let (input, signature) = good.rsplit_once('.').unwrap();
    assert_eq!(signature.len() % 4, 2);
    let last = signature.bytes().last().unwrap();
    for digit in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
        if *digit == last {
            continue;
        }
        let spelled = &signature[..signature.len() - 1];
        let token = format!("{input}.{spelled}{}", char::from(*digit));
        let expected = [
            Some(Refusal::AssertionMalformed(Malformed::Base64).into()),
            Some(Refusal::SignatureInvalid.into()),
        ];
        assert!(expected.contains(&refusal(&token)), "{}", char::from(*digit));
    }
}

#[test]
fn part_of_an_impossible_length_is_refused() {
    let [header, payload] = [header(), Claims::user().text()].map(encode);
    assert_eq!(malformed(&format!("A.{payload}.eA")), Malformed::Base64);
    assert_eq!(malformed(&format!("{header}.A.eA")), Malformed::Base64);
    assert_eq!(malformed(&format!("{header}.{payload}.A")), Malformed::Base64);
}

#[test]
fn longest_assertion_is_accepted_and_one_byte_more_is_refused() {
    let claims = Claims::user();
    let spare = |filler: usize, spaces: usize| {
        let payload = claims.clone().set("filler", "f".repeat(filler)).text();
        let payload = format!("{payload}{}", " ".repeat(spaces));
        (encode(&payload).len(), payload)
    };
    // Header, two dots and the 342 characters of a signature of 256 bytes.
    let room = MAX_ASSERTION_BYTES - encode(header()).len() - 2 - 342;
    let (base, _) = spare(0, 0);
    let payload = (0..8)
        .map(|spaces| spare((room - base) / 4 * 3, spaces))
        .find(|(length, _)| *length == room)
        .map(|(_, payload)| payload)
        .unwrap();
    let token = mint(&header(), &payload);
    assert_eq!(token.len(), MAX_ASSERTION_BYTES);
    assert_eq!(refusal(&token), None);
    assert_eq!(malformed(&format!("{token}A")), Malformed::Length);
    assert_eq!(malformed(&"é".repeat(MAX_ASSERTION_BYTES)), Malformed::Length);
}

#[test]
fn header_or_payload_that_is_no_utf_8_is_refused() {
    let bytes = b"{\"iss\":\"\xff\"}";
    assert_eq!(malformed(&with_payload(bytes)), Malformed::Json);
    let token = format!("{}.{}.eA", encode(bytes), encode(Claims::user().text()));
    assert_eq!(malformed(&token), Malformed::Json);
    // A surrogate half in UTF-8, an overlong slash, and a byte order mark.
    for bytes in [&b"{\"a\":\"\xed\xa0\x80\"}"[..], b"{\"a\":\"\xc0\xaf\"}", b"\xef\xbb\xbf{}"] {
        assert_eq!(malformed(&with_payload(bytes)), Malformed::Json);
    }
}

#[test]
fn header_or_payload_that_is_no_json_object_is_refused() {
    for text in [
        "",
        " ",
        "null",
        "true",
        "1795532761",
        "\"{}\"",
        "[]",
        "[{}]",
        "{",
        "{}{}",
        "{} x",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":NaN}",
        "{\"a\":01}",
        "{/* */}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\ud800\"}",
        "\u{a0}{}",
        "exp=1795532761",
    ] {
        assert_eq!(malformed(&with_payload(text)), Malformed::Json, "{text}");
        assert_eq!(malformed(&with_header(text)), Malformed::Json, "{text}");
    }
}

#[test]
fn deep_nesting_is_refused_without_overflow() {
    for text in ["[".repeat(9_000), "{\"a\":".repeat(1_800), "{\"a\":[".repeat(1_500)] {
        assert_eq!(malformed(&with_payload(&text)), Malformed::Json);
    }
}

#[test]
fn duplicate_members_are_refused_in_every_spelling_and_at_every_depth() {
    let claims = Claims::user().text();
    for member in [
        r#""email":"boss@example.com""#,
        r#""\u0065mail":"boss@example.com""#,
        r#""e\u006dail":"boss@example.com""#,
        r#""custom":{"a":1,"a":1}"#,
        r#""custom":[{"a":1,"\u0061":1}]"#,
        r#""iss":null"#,
        r#""a":0,"a":0"#,
    ] {
        for payload in [
            claims.replacen('{', &format!("{{{member},"), 1),
            format!("{},{member}}}", claims.strip_suffix('}').unwrap()),
        ] {
            let token = mint(&header(), &payload);
            assert_eq!(malformed(&token), Malformed::DuplicateMember, "{member}");
        }
    }
    for member in [
        r#""alg":"none""#,
        r#""alg":"RS256""#,
        r#""\u0061lg":"HS256""#,
        r#""kid":"x""#,
        r#""jwk":{"n":"","n":""}"#,
    ] {
        let token = with_header(&header_with(member));
        assert_eq!(malformed(&token), Malformed::DuplicateMember, "{member}");
    }
}

#[test]
fn members_that_differ_in_case_are_no_duplicates_and_are_ignored() {
    let payload = Claims::user().set("EMAIL", "boss@example.com").set("Exp", 1).text();
    let token = unsigned(&header(), &payload);
    let unverified = UnverifiedAssertion::parse(&token).unwrap();
    assert_eq!(unverified.claims.custom.email.as_deref(), Some("jane@example.com"));
    let token = with_header(&header().replace("\"alg\"", "\"ALG\""));
    assert_eq!(unsupported(&token), Unsupported::Algorithm);
}
