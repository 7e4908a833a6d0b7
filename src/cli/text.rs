//! Text files that people hand to the command line.

use std::fmt;

/// Why bytes are not text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NotText {
    Utf16,
    Utf8,
}

impl fmt::Display for NotText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Utf16 => "begins as UTF-16 text, and is none",
            Self::Utf8 => "is not UTF-8 text",
        })
    }
}

/// UTF-8, or UTF-16 with a byte order mark as PowerShell writes it; the mark is left out.
///
/// # Errors
/// If it is neither.
pub(super) fn decode(bytes: &[u8]) -> Result<String, NotText> {
    let (is_little_endian, rest) = match bytes {
        [0xff, 0xfe, rest @ ..] => (true, rest),
        [0xfe, 0xff, rest @ ..] => (false, rest),
        _ => {
            let bytes = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes);
            return std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| NotText::Utf8);
        }
    };
    let pairs = rest.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err(NotText::Utf16);
    }
    let from_bytes = if is_little_endian { u16::from_le_bytes } else { u16::from_be_bytes };
    let units = pairs.filter_map(|pair| pair.try_into().ok()).map(from_bytes);
    char::decode_utf16(units).collect::<Result<_, _>>().map_err(|_| NotText::Utf16)
}

#[cfg(test)]
mod tests {
    use super::{NotText, decode};

    #[test]
    fn utf8_and_utf16_are_read_with_and_without_a_mark() {
        for bytes in [
            &b"a\xc3\xa4"[..],
            b"\xef\xbb\xbfa\xc3\xa4",
            b"\xff\xfea\0\xe4\0",
            b"\xfe\xff\0a\0\xe4",
        ] {
            assert_eq!(decode(bytes).as_deref(), Ok("aä"), "{bytes:?}");
        }
        assert_eq!(decode(b"a\xe4"), Err(NotText::Utf8));
        assert_eq!(decode(b"\xff\xfea"), Err(NotText::Utf16));
        assert_eq!(decode(b"\xff\xfe\0\xd8"), Err(NotText::Utf16));
    }
}
