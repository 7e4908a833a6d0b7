//! base64url without padding, as JOSE uses it (RFC 7515, section 2).

use data_encoding::BASE64URL_NOPAD;

/// Encodes bytes.
#[must_use]
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64URL_NOPAD.encode(bytes.as_ref())
}

/// Decodes a text. `None` if it has padding, a character outside the alphabet, or bits at the end that
/// no byte fills: bytes have one spelling.
#[must_use]
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn bytes_have_one_spelling() {
        assert_eq!(decode("_-8").as_deref(), Some([0xff, 0xef].as_slice()));
        assert_eq!(encode([0xff, 0xef]), "_-8");
        assert_eq!(decode(""), Some(Vec::new()));
        for text in ["_-9", "_-8=", "/+8", "_-8 ", "_-8\n", " _-8", "_", "_-8A_", "é_-8"] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
