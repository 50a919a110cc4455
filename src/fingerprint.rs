//! A hash that names files: the same in every build of the launcher, for several may share a folder, which
//! the standard library does not promise of its own.

use std::hash::Hasher;

/// FNV-1a with 64 bits (Fowler, Noll, Vo; draft-eastlake-fnv).
#[derive(Debug)]
pub struct Fingerprint(u64);

impl Default for Fingerprint {
    fn default() -> Self {
        Fingerprint(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_values() {
        for (text, hash) in [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c)] {
            let mut fingerprint = Fingerprint::default();
            fingerprint.write(text.as_bytes());
            assert_eq!(fingerprint.finish(), hash, "{text}");
        }
    }
}
