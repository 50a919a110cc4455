//! A hash for file names. Every build of the launcher computes the same one, because several may share a
//! folder: it hashes bytes only, since the standard library may change what a type's `Hash` feeds a hasher.

use std::ffi::OsStr;

/// FNV-1a with 128 bits (Fowler, Noll, Vo; draft-eastlake-fnv).
#[derive(Debug)]
pub struct Fingerprint(u128);

impl Default for Fingerprint {
    fn default() -> Self {
        Fingerprint(EMPTY)
    }
}

impl Fingerprint {
    /// Returns the fingerprint of one part; a constant costs a launch nothing.
    pub const fn of(part: &str) -> Self {
        Fingerprint(with_part(EMPTY, part.as_bytes()))
    }

    /// Adds a part with its length: `a`, `b` differs from `ab`.
    pub fn add(&mut self, part: impl AsRef<OsStr>) {
        self.0 = with_part(self.0, part.as_ref().as_encoded_bytes());
    }

    /// Returns the hash in hexadecimal.
    pub fn text(&self) -> String {
        format!("{:032x}", self.0)
    }
}

const EMPTY: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;

const fn with_part(hash: u128, part: &[u8]) -> u128 {
    with(with(hash, part), &(part.len() as u64).to_le_bytes())
}

const fn with(mut hash: u128, mut bytes: &[u8]) -> u128 {
    while let [byte, rest @ ..] = bytes {
        hash = (hash ^ *byte as u128).wrapping_mul((1 << 88) + 0x13b);
        bytes = rest;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_has_the_published_values() {
        for (text, hash) in
            [("", "6c62272e07bb014262b821756295c58d"), ("a", "d228cb696f1a8caf78912b704e4a8964")]
        {
            assert_eq!(Fingerprint(with(EMPTY, text.as_bytes())).text(), hash, "{text}");
        }
    }

    #[test]
    fn parts_stay_apart() {
        let of = |parts: &[&str]| {
            let mut fingerprint = Fingerprint::default();
            for part in parts {
                fingerprint.add(part);
            }
            fingerprint.text()
        };
        assert_ne!(of(&["a", "b"]), of(&["ab"]));
        assert_ne!(of(&["", "a"]), of(&["a", ""]));
    }
}
