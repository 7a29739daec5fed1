//! Hashes that mls-rs asks for again and again.
//!
//! To hash a tree mls-rs (0.57) goes up from every leaf at once, and so hashes a parent node (RFC 9420, section 7.8) once for each leaf below
//! it: ten thousand hashes in the place of a thousand in a tree of a thousand leaves, and that several times for a tree that is checked as
//! a whole. The repeats of one node follow each other. So each thread keeps the last one, and a repeat costs a comparison.
//!
//!
//! Whoever takes a whole tree also has its nodes hashed again as they were before leaves were added below them, which most are not
//! ([`remembering`]).
//!
//! Nothing is taken to be the same that is not: all bytes are compared. What is kept is public in the group: nodes and their hashes.

use std::cell::RefCell;
use std::collections::HashMap;

/// How the tree hash of a leaf begins: the node type of `TreeHashInput`.
const LEAF: u8 = 1;
/// How that of a parent begins.
const PARENT: u8 = 2;
/// What is shorter is hashed as quickly as it is compared.
const SHORTEST: usize = 256;
/// Inputs that are remembered at most: those of the largest group, twice.
const MOST: usize = 4_096;

thread_local! {
    static KEPT: RefCell<Kept> = const { RefCell::new(Kept { last: Last::NONE, all: None }) };
}

/// Does `work`, and meanwhile hashes no node of a tree twice on this thread. Takes some megabytes for a large tree, and gives them back.
pub fn remembering<T>(work: impl FnOnce() -> T) -> T {
    /// Forgets everything, also where `work` panics.
    struct Forgetting;
    impl Drop for Forgetting {
        fn drop(&mut self) {
            KEPT.with_borrow_mut(|kept| kept.all = None);
        }
    }
    KEPT.with_borrow_mut(|kept| kept.all = Some(HashMap::new()));
    let _forgetting = Forgetting;
    work()
}

/// The hash of `input` by `hash`, which gives the same for the same input at any time.
pub(crate) fn hash<E>(input: &[u8], hash: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>) -> Result<Vec<u8>, E> {
    match input.first() {
        Some(&PARENT) if input.len() >= SHORTEST => KEPT.with_borrow_mut(|kept| {
            let Kept { last, all } = kept;
            last.of(input, |input| remembered(all, input, hash))
        }),
        Some(&LEAF) if input.len() >= SHORTEST => {
            KEPT.with_borrow_mut(|kept| remembered(&mut kept.all, input, hash))
        }
        _ => hash(input),
    }
}

/// What one thread keeps.
struct Kept {
    last: Last,
    /// Inputs and hashes while somebody is [`remembering`].
    all: Option<HashMap<Vec<u8>, Vec<u8>>>,
}

fn remembered<E>(
    all: &mut Option<HashMap<Vec<u8>, Vec<u8>>>,
    input: &[u8],
    hash: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<Vec<u8>, E> {
    let Some(all) = all else { return hash(input) };
    if let Some(known) = all.get(input) {
        return Ok(known.clone());
    }
    let hash = hash(input)?;
    if all.len() < MOST {
        all.insert(input.to_vec(), hash.clone());
    }
    Ok(hash)
}

/// The last input and its hash; at first none, which no input equals.
struct Last {
    input: Vec<u8>,
    hash: Vec<u8>,
}

impl Last {
    const NONE: Self = Self { input: Vec::new(), hash: Vec::new() };

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

    /// The hash of a node, which is its number, and how often it was hashed for it.
    fn ask(input: &[u8]) -> (Vec<u8>, u32) {
        let times = Cell::new(0);
        let counted = |input: &[u8]| {
            times.set(times.get() + 1);
            Ok::<_, Infallible>(input.last().copied().into_iter().collect())
        };
        (hash(input, counted).unwrap(), times.get())
    }

    #[test]
    fn what_follows_itself_is_hashed_once() {
        let (one, two) = (node(PARENT, 1), node(PARENT, 2));
        assert_eq!(ask(&one), (vec![1], 1));
        assert_eq!(ask(&one), (vec![1], 0));
        assert_eq!(ask(&two), (vec![2], 1));
        assert_eq!(ask(&one), (vec![1], 1), "one is kept, not all");
        assert_eq!(ask(&node(LEAF, 1)), (vec![1], 1), "no parent");
        assert_eq!(ask(&node(LEAF, 1)), (vec![1], 1));
        assert_eq!(ask(&one), (vec![1], 0));
    }

    #[test]
    fn a_hash_that_failed_is_not_kept() {
        let node = node(PARENT, 7);
        assert_eq!(hash(&node, |_| Err(())), Err(()));
        assert_eq!(hash(&node, |_| Ok::<_, ()>(vec![7])), Ok(vec![7]));
        assert_eq!(hash(&node, |_| Err(())), Ok(vec![7]));
    }

    #[test]
    fn who_remembers_hashes_no_node_twice_and_forgets_afterwards() {
        let nodes = [node(PARENT, 1), node(LEAF, 2), node(PARENT, 3)];
        let all = || nodes.iter().map(|node| ask(node)).collect::<Vec<_>>();
        let (first, again) = remembering(|| (all(), all()));
        assert_eq!(first, [(vec![1], 1), (vec![2], 1), (vec![3], 1)]);
        assert_eq!(again, [(vec![1], 0), (vec![2], 0), (vec![3], 0)]);
        assert_eq!(remembering(|| ask(&node(3, 4))), (vec![4], 1), "no node");
        assert_eq!(ask(&nodes[1]), (vec![2], 1));
        assert!(std::panic::catch_unwind(|| remembering(|| panic!("while joining"))).is_err());
        assert_eq!(ask(&nodes[1]), (vec![2], 1));
        assert_eq!(ask(&nodes[1]), (vec![2], 1), "nothing is remembered any more");
    }
}
