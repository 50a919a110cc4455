//! A hash that names files: the same in every build of the launcher, for several may share a folder. It
//! takes bytes and nothing else: what a type's `Hash` hands to a hasher the standard library may change.

use std::ffi::OsStr;

/// FNV-1a with 128 bits (Fowler, Noll, Vo; draft-eastlake-fnv).
#[derive(Debug)]
pub struct Fingerprint(u128);

impl Default for Fingerprint {
    fn default() -> Self {
        Fingerprint(OF_NOTHING)
    }
}

impl Fingerprint {
    /// The fingerprint of one part; made a constant, it costs a launch nothing.
    pub const fn of(part: &str) -> Self {
        Fingerprint(with_part(OF_NOTHING, part.as_bytes()))
    }

    /// Adds one part, which cannot run into those beside it.
    pub fn add(&mut self, part: impl AsRef<OsStr>) {
        self.0 = with_part(self.0, part.as_ref().as_encoded_bytes());
    }

    /// The hash, as it stands in a file's name.
    pub fn text(&self) -> String {
        format!("{:032x}", self.0)
    }
}

const OF_NOTHING: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;

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
    fn the_published_values() {
        for (text, hash) in
            [("", "6c62272e07bb014262b821756295c58d"), ("a", "d228cb696f1a8caf78912b704e4a8964")]
        {
            assert_eq!(Fingerprint(with(OF_NOTHING, text.as_bytes())).text(), hash, "{text}");
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
