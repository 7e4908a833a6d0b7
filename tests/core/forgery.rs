//! Forgeries: what a caller can make of genuine tokens, of other keys and of text.

use base64ct::{Base64, Base64Unpadded, Base64Url, Base64UrlUnpadded, Encoding};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{NOW, OTHER, SIGNER, TEAM, encode, header_of, mint_with, payload_of};

/// What is done to a compact JWS.
#[derive(Clone, Debug)]
pub(super) enum Forgery {
    /// A byte is another.
    Byte(Index, u8),
    /// Characters are put in.
    Insert(Index, String),
    /// Bytes are taken out.
    Remove(Index, Index),
    /// Bytes are there twice.
    Repeat(Index, Index),
    /// Parts are of another genuine token, empty or made up, or in another order and number.
    Parts(Vec<Part>),
    /// A part is spelled differently.
    Spelled(usize, Spelling),
    /// Header and claims are changed, and signed so.
    Written { header: Vec<Edit>, claims: Vec<Edit>, signature: Signature },
}

#[derive(Clone, Debug)]
pub(super) enum Part {
    Own(usize),
    Others(usize),
    MadeUp(String),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Spelling {
    Padded,
    OtherAlphabet,
    OtherAlphabetPadded,
    /// The bits behind the last byte are not zero. If there are none, the last character is another.
    SpareBits,
    Space,
}

/// A change to the text of a JSON object.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    /// A member in front of the others, which may have its name.
    First(String, Value),
    /// A member behind the others.
    Last(String, Value),
    /// White space that changes no value.
    Space,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Signature {
    /// That of the genuine token.
    Kept,
    /// RS256 with the key of another team.
    OtherRsa,
    /// ES256 with the key that the Worker signs Backstage tokens with.
    WorkersEc,
    /// HS256 with the modulus of the team's key, which everyone knows, as the secret.
    PublicKeyAsSecret,
    Empty,
    Zeros,
}

pub(super) fn forgery() -> impl Strategy<Value = Forgery> {
    let text = "[A-Za-z0-9_.-]{0,12}|[ -~]{0,4}";
    let part = prop_oneof![
        (0_usize..3).prop_map(Part::Own),
        (0_usize..3).prop_map(Part::Others),
        text.prop_map(Part::MadeUp),
    ];
    let spelling = select(vec![
        Spelling::Padded,
        Spelling::OtherAlphabet,
        Spelling::OtherAlphabetPadded,
        Spelling::SpareBits,
        Spelling::Space,
    ]);
    let signature = select(vec![
        Signature::Kept,
        Signature::OtherRsa,
        Signature::WorkersEc,
        Signature::PublicKeyAsSecret,
        Signature::Empty,
        Signature::Zeros,
    ]);
    prop_oneof![
        3 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Forgery::Byte(at, byte)),
        1 => (any::<Index>(), text).prop_map(|(at, text)| Forgery::Insert(at, text)),
        1 => any::<(Index, Index)>().prop_map(|(from, to)| Forgery::Remove(from, to)),
        1 => any::<(Index, Index)>().prop_map(|(from, to)| Forgery::Repeat(from, to)),
        2 => vec(part, 0..5).prop_map(Forgery::Parts),
        1 => (0_usize..3, spelling).prop_map(|(at, it)| Forgery::Spelled(at, it)),
        4 => (vec(edit(HEADER), 0..3), vec(edit(CLAIMS), 0..3), signature)
            .prop_map(|(header, claims, signature)| Forgery::Written { header, claims, signature }),
    ]
}

fn edit(members: fn() -> Vec<(&'static str, Value)>) -> impl Strategy<Value = Edit> {
    let member = select(members()).prop_map(|(name, value)| (name.to_owned(), value));
    prop_oneof![
        3 => member.clone().prop_map(|(name, value)| Edit::First(name, value)),
        3 => member.prop_map(|(name, value)| Edit::Last(name, value)),
        1 => Just(Edit::Space),
    ]
}

const HEADER: fn() -> Vec<(&'static str, Value)> = || {
    let algorithms = ["none", "HS256", "RS384", "PS256", "ES256", "RS256", "rs256", ""];
    let mut members: Vec<_> = algorithms.iter().map(|name| ("alg", json!(name))).collect();
    members.extend([
        ("kid", json!(TEAM.kid)),
        ("kid", json!(OTHER.kid)),
        ("kid", json!(SIGNER.kid)),
        ("jwk", OTHER.jwk()),
        ("jku", json!("https://forger.example.com/keys")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("typ", json!("JOSE")),
    ]);
    members
};

const CLAIMS: fn() -> Vec<(&'static str, Value)> = || {
    vec![
        ("email", json!("boss@example.com")),
        ("common_name", json!("11111111111111111111111111111111.access")),
        ("sub", json!("user:default/boss")),
        ("exp", json!(NOW + 86_400)),
        ("iat", json!(NOW)),
        ("type", json!("app")),
        ("custom", json!({ "a": [1, null] })),
    ]
};

impl Forgery {
    pub(super) fn of(&self, genuine: &str, other: &str) -> String {
        let slice = |from: &Index, to: &Index| {
            let ends = [from.index(genuine.len() + 1), to.index(genuine.len() + 1)];
            (ends[0].min(ends[1]), ends[0].max(ends[1]))
        };
        match self {
            Self::Byte(at, byte) => {
                let mut bytes = genuine.as_bytes().to_vec();
                bytes[at.index(genuine.len())] = *byte;
                // A header value is a string to the core: one byte, one character.
                bytes.into_iter().map(char::from).collect()
            }
            Self::Insert(at, text) => {
                let (before, behind) = genuine.split_at(at.index(genuine.len() + 1));
                format!("{before}{text}{behind}")
            }
            Self::Remove(from, to) => {
                let (from, to) = slice(from, to);
                format!("{}{}", &genuine[..from], &genuine[to..])
            }
            Self::Repeat(from, to) => {
                let (from, to) = slice(from, to);
                format!("{}{}", &genuine[..to], &genuine[from..])
            }
            Self::Parts(parts) => {
                let part = |token: &str, at: &usize| token.split('.').nth(*at).unwrap().to_owned();
                let parts: Vec<String> = parts
                    .iter()
                    .map(|it| match it {
                        Part::Own(at) => part(genuine, at),
                        Part::Others(at) => part(other, at),
                        Part::MadeUp(text) => text.clone(),
                    })
                    .collect();
                parts.join(".")
            }
            Self::Spelled(at, spelling) => {
                let mut parts: Vec<String> = genuine.split('.').map(str::to_owned).collect();
                parts[*at] = spelling.of(&parts[*at]);
                parts.join(".")
            }
            Self::Written { header, claims, signature } => {
                let write = |text: String, edits: &[Edit]| {
                    edits.iter().fold(text, |text, edit| edit.of(&text))
                };
                let header = write(header_of(genuine), header);
                signature.of(&header, &write(payload_of(genuine), claims), genuine)
            }
        }
    }
}

impl Spelling {
    fn of(self, part: &str) -> String {
        let bytes = Base64UrlUnpadded::decode_vec(part).unwrap();
        match self {
            Self::Padded => Base64Url::encode_string(&bytes),
            Self::OtherAlphabet => Base64Unpadded::encode_string(&bytes),
            Self::OtherAlphabetPadded => Base64::encode_string(&bytes),
            Self::SpareBits => {
                const ALPHABET: &str =
                    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
                let last = ALPHABET.find(&part[part.len() - 1..]).unwrap();
                let spare = if part.len().is_multiple_of(4) { last ^ 1 } else { last | 1 };
                format!("{}{}", &part[..part.len() - 1], &ALPHABET[spare..=spare])
            }
            Self::Space => format!("{part} "),
        }
    }
}

impl Edit {
    fn of(&self, text: &str) -> String {
        match self {
            Self::First(name, value) => {
                text.replacen('{', &format!("{{{}:{value},", json!(name)), 1)
            }
            Self::Last(name, value) => {
                format!("{},{}:{value}}}", text.trim_end().strip_suffix('}').unwrap(), json!(name))
            }
            Self::Space => text.replacen('{', "{ ", 1),
        }
    }
}

impl Signature {
    fn of(self, header: &str, claims: &str, genuine: &str) -> String {
        let input = format!("{}.{}", encode(header), encode(claims));
        match self {
            Self::Kept => format!("{input}.{}", genuine.rsplit_once('.').unwrap().1),
            Self::OtherRsa => mint_with(&OTHER, header, claims),
            Self::WorkersEc => SIGNER.token(header, claims),
            Self::PublicKeyAsSecret => {
                let modulus = TEAM.jwk()["n"].as_str().unwrap().to_owned();
                format!("{input}.{}", encode(hmac_sha256(modulus.as_bytes(), input.as_bytes())))
            }
            Self::Empty => format!("{input}."),
            Self::Zeros => format!("{input}.{}", encode([0; 256])),
        }
    }
}

/// RFC 2104.
fn hmac_sha256(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = Sha256::digest(secret).to_vec();
    block.resize(64, 0);
    let pad = |byte: u8| block.iter().map(|it| it ^ byte).collect::<Vec<_>>();
    let inner = Sha256::digest([&pad(0x36)[..], message].concat());
    Sha256::digest([&pad(0x5c)[..], &inner[..]].concat()).to_vec()
}
