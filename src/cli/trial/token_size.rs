//! Users whose token does not fit into the headers that Node.js takes.

use std::collections::BTreeMap;

use super::Trial;
use crate::backstage::MAX_TOKEN_LENGTH;
use crate::catalog::Record;
use crate::error::Fault;
use crate::sign_in::{Profile, ResolvedUser};

/// How many bytes of headers Node.js takes in all (`--max-http-header-size`).
pub(in crate::cli) const NODE_LIMIT: usize = 16 * 1024;

/// What the other headers of a request are counted with, in bytes: Access's assertion of about 900 bytes in
/// a header and in a cookie, and what a browser sends.
pub(in crate::cli) const OTHER_HEADERS: usize = 4 * 1024;

/// The least that a ref takes in a token, beyond its text: quotes and a comma. base64url makes four
/// characters of three bytes.
const PER_REF: usize = 3;

/// What a token has beside the refs, in characters, and more.
const BESIDE: usize = 1_024;

/// The users whose token, with the ownership refs in it, would be larger than Node.js takes beside the other
/// headers, by ref, with its length in characters. Claims that a configuration adds are not counted.
pub(in crate::cli) fn large_tokens(
    trial: &Trial,
    records: &BTreeMap<String, Record>,
) -> BTreeMap<String, usize> {
    let mut large = BTreeMap::new();
    for record in records.values() {
        let Record::One(user) = record else { continue };
        let refs: usize = user.ownership.iter().map(|it| it.len() + PER_REF).sum();
        let is_small = refs / 3 * 4 + BESIDE + OTHER_HEADERS <= NODE_LIMIT;
        if is_small || large.contains_key(&user.entity_ref) {
            continue;
        }
        let resolved = ResolvedUser {
            user: user.entity_ref.clone(),
            ownership: user.ownership.clone(),
            claims: serde_json::Map::new(),
            profile: Profile::new(),
            record: None,
            resolver: String::new(),
            max_age: None,
        };
        let length = match trial.token_lengths(&resolved).with_ownership {
            Ok(length) | Err(Fault::TokenTooLarge(length)) => length,
            Err(_) => MAX_TOKEN_LENGTH,
        };
        if length + OTHER_HEADERS > NODE_LIMIT {
            large.insert(user.entity_ref.clone(), length);
        }
    }
    large
}
