//! How long messages are.

/// The sizes of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sizes {
    /// All of so many bytes, the whole MLSMessage.
    Fixed(usize),
    /// As people write: mostly short texts, in the steps that contents are padded to, now and then something long.
    People,
}

/// Bytes of an MLSMessage, and how many of a thousand have at most so many. A content is padded to a step (`content::padding`);
/// header, signature and authentication tag come on top.
const PEOPLE: [(usize, u64); 6] =
    [(448, 620), (704, 840), (1_216, 940), (2_240, 985), (8_384, 997), (33_000, 1_000)];

impl Sizes {
    /// Bytes of the message with this number: the same in each run.
    #[must_use]
    pub fn of(self, number: u64) -> usize {
        match self {
            Self::Fixed(bytes) => bytes,
            Self::People => {
                // Numbers that follow each other are spread over the thousand (Fibonacci hashing).
                let share = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % 1_000;
                PEOPLE.iter().find(|(_, below)| share < *below).map_or(448, |(bytes, _)| *bytes)
            }
        }
    }

    /// The longest one.
    #[must_use]
    pub fn longest(self) -> usize {
        match self {
            Self::Fixed(bytes) => bytes,
            Self::People => PEOPLE.iter().map(|(bytes, _)| *bytes).max().unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_mostly_write_short_texts_and_sometimes_long_ones() {
        let sizes: Vec<usize> = (0..10_000).map(|number| Sizes::People.of(number)).collect();
        let of = |bytes| sizes.iter().filter(|size| **size == bytes).count();
        assert!((5_900..6_500).contains(&of(448)), "{}", of(448));
        assert!((10..60).contains(&of(33_000)), "{}", of(33_000));
        assert!(sizes.iter().all(|size| *size <= Sizes::People.longest()));
    }
}
