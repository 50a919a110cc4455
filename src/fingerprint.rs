//! A hash that names files: the same in every build of the launcher, for several may share a folder. It
//! takes bytes and nothing else: what a type's `Hash` hands to a hasher the standard library may change.

use std::ffi::OsStr;

/// FNV-1a with 128 bits (Fowler, Noll, Vo; draft-eastlake-fnv).
#[derive(Clone, Debug)]
pub struct Fingerprint(u128);

impl Default for Fingerprint {
    fn default() -> Self {
        Fingerprint(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }
}

impl Fingerprint {
    /// Adds one part, which cannot run into those beside it.
    pub fn add(&mut self, part: impl AsRef<OsStr>) {
        let bytes = part.as_ref().as_encoded_bytes();
        self.take(bytes);
        self.take(&(bytes.len() as u64).to_le_bytes());
    }

    /// The hash, as it stands in a file's name.
    pub fn text(&self) -> String {
        format!("{:032x}", self.0)
    }

    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul((1 << 88) + 0x13b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_values() {
        for (text, hash) in
            [("", "6c62272e07bb014262b821756295c58d"), ("a", "d228cb696f1a8caf78912b704e4a8964")]
        {
            let mut fingerprint = Fingerprint::default();
            fingerprint.take(text.as_bytes());
            assert_eq!(fingerprint.text(), hash, "{text}");
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
