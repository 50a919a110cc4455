//! Repeats system calls that are interrupted (`EINTR`), and gives up after some tries: the standard library's readers
//! repeat them for ever, and a broken file system or tracer can interrupt every call.

use std::io::{self, ErrorKind, Read};

/// Interruptions in a row.
const MOST: u32 = 100;

/// Calls until a result is no interruption. The error after [`MOST`] of them is of another kind than `Interrupted`, so
/// that no caller tries again.
pub fn retried<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..MOST {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => (),
            result => return result,
        }
    }
    Err(io::Error::other(format!("interrupted {MOST} times")))
}

/// A reader whose reads are [`retried`].
pub struct RetriedReader<R>(pub R);

impl<R: Read> Read for RetriedReader<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        retried(|| self.0.read(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Is interrupted so many times before each piece.
    struct Interrupted {
        times: u32,
        left: u32,
    }

    impl Read for Interrupted {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            if self.left > 0 {
                self.left -= 1;
                return Err(ErrorKind::Interrupted.into());
            }
            self.left = self.times;
            "piece".as_bytes().read(bytes)
        }
    }

    #[test]
    fn interrupted_read_is_repeated_to_a_limit() {
        let read = |times| {
            let mut bytes = [0; 10];
            let reader = Interrupted { times, left: times };
            RetriedReader(reader).read_exact(&mut bytes).map(|()| bytes)
        };
        assert_eq!(read(MOST - 1).unwrap(), *b"piecepiece");
        assert_eq!(read(MOST).unwrap_err().to_string(), "interrupted 100 times");
    }
}
