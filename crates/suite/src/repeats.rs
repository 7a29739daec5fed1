//! Hashes that mls-rs asks for again and again.
//!
//! To hash a tree mls-rs (0.57) goes up from every leaf at once, and so hashes a parent node (RFC 9420, section 7.8) once for each leaf below
//! it: ten thousand hashes in the place of a thousand in a tree of a thousand leaves, and that several times for a tree that is checked as
//! a whole. The repeats of one node follow each other. So each thread keeps the last one, and a repeat costs a comparison.
//!
//! Nothing is taken to be the same that is not: all bytes are compared. What is kept is public in the group, a node and two hashes.

use std::cell::RefCell;

/// How the tree hash of a parent begins: the node type of `TreeHashInput`.
const PARENT: u8 = 2;
/// What is shorter is hashed as quickly as it is compared.
const SHORTEST: usize = 256;

thread_local! {
    static LAST: RefCell<Last> = const { RefCell::new(Last { input: Vec::new(), hash: Vec::new() }) };
}

/// The hash of `input` by `hash`, which gives the same for the same input at any time.
pub(crate) fn hash<E>(input: &[u8], hash: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>) -> Result<Vec<u8>, E> {
    if input.first() != Some(&PARENT) || input.len() < SHORTEST {
        return hash(input);
    }
    LAST.with_borrow_mut(|last| last.of(input, hash))
}

/// The last input and its hash; at first none, which no input equals.
struct Last {
    input: Vec<u8>,
    hash: Vec<u8>,
}

impl Last {
    fn of<E>(&mut self, input: &[u8], hash: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>) -> Result<Vec<u8>, E> {
        if self.input != input {
            self.hash = hash(input)?;
            self.input.clear();
            self.input.extend_from_slice(input);
        }
        Ok(self.hash.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use super::*;

    /// A node whose last byte is `number`.
    fn node(first: u8, number: u8) -> Vec<u8> {
        let mut node = vec![first; SHORTEST];
        node.push(number);
        node
    }

    #[test]
    fn what_follows_itself_is_hashed_once() {
        let times = Cell::new(0);
        let ask = |input: &[u8]| {
            let counted = |input: &[u8]| {
                times.set(times.get() + 1);
                Ok::<_, Infallible>(input.last().copied().into_iter().collect::<Vec<u8>>())
            };
            (hash(input, counted).unwrap(), times.replace(0))
        };
        let (one, two) = (node(PARENT, 1), node(PARENT, 2));
        assert_eq!(ask(&one), (vec![1], 1));
        assert_eq!(ask(&one), (vec![1], 0));
        assert_eq!(ask(&two), (vec![2], 1));
        assert_eq!(ask(&one), (vec![1], 1), "one is kept, not all");
        assert_eq!(ask(&node(1, 1)), (vec![1], 1), "no parent");
        assert_eq!(ask(&node(1, 1)), (vec![1], 1));
        assert_eq!(ask(&one), (vec![1], 0));
    }

    #[test]
    fn a_hash_that_failed_is_not_kept() {
        let node = node(PARENT, 7);
        assert_eq!(hash(&node, |_| Err(())), Err(()));
        assert_eq!(hash(&node, |_| Ok::<_, ()>(vec![7])), Ok(vec![7]));
        assert_eq!(hash(&node, |_| Err(())), Ok(vec![7]));
    }
}
