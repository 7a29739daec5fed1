//! Padding to size buckets, so that a ciphertext's length says little about what was written.
//!
//! `Content ‖ 0x80 ‖ 0…0` (ISO/IEC 7816-4): every length can be reached, the end is found without a length field,
//! and a Content that ends in zeros survives.

use crate::limits::CONTENT_BYTES;

/// The lengths that exist.
///
/// Powers of two: a message says which of nine sizes it is. The first holds a short text, a receipt and a presence
/// alike, since id, time and witness take about 190 bytes of each; the last is the limit.
pub const BUCKETS: [usize; 9] = [256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, CONTENT_BYTES];

/// Ends the Content; what follows are zeros.
const MARK: u8 = 0x80;

/// Pads to the smallest bucket; `None` where even the largest is too small.
#[must_use]
pub(crate) fn pad(content: &[u8]) -> Option<Vec<u8>> {
    let needed = content.len().checked_add(1)?;
    let bucket = BUCKETS.into_iter().find(|bucket| needed <= *bucket)?;
    let mut padded = Vec::with_capacity(bucket);
    padded.extend_from_slice(content);
    padded.push(MARK);
    padded.resize(bucket, 0);
    Some(padded)
}

/// The Content before its padding; `None` where there is no padding. Any length is taken: other versions may have
/// other buckets.
#[must_use]
pub(crate) fn unpad(padded: &[u8]) -> Option<&[u8]> {
    let last = padded.iter().rposition(|byte| *byte != 0)?;
    let (content, tail) = padded.split_at_checked(last)?;
    (tail.first() == Some(&MARK)).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_length_lands_in_its_smallest_bucket() {
        let mut smaller = 0;
        for bucket in BUCKETS {
            for length in [smaller, bucket - 1] {
                assert_eq!(pad(&vec![0; length]).unwrap().len(), bucket);
            }
            smaller = bucket;
        }
        assert_eq!(pad(&vec![0; CONTENT_BYTES]), None);
    }

    #[test]
    fn contents_that_end_like_padding_survive() {
        for content in [&b""[..], &[0, 0], &[MARK], &[1, MARK, 0, 0]] {
            assert_eq!(unpad(&pad(content).unwrap()), Some(content));
        }
    }

    #[test]
    fn what_has_no_padding_is_refused() {
        assert_eq!(unpad(&[]), None);
        assert_eq!(unpad(&[0, 0, 0]), None);
        assert_eq!(unpad(&[1, 2, 3, 0]), None);
    }
}
