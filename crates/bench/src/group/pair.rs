//! Two members by bare mls-rs: what a message costs without anything of ours around it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::crowd::Crowd;
use crate::load::MESSAGE_BYTES;

/// How many messages of 1 KiB one core encrypts and decrypts again in a second: mls-rs with our ciphersuite, a group of two, in memory.
///
/// # Errors
/// mls-rs refuses.
pub fn messages_per_second(how_long: Duration) -> Result<f64> {
    let mut crowd = Crowd::new()?;
    let mut other = crowd.somebody()?;
    let (welcome, _) = crowd.add(vec![other.bare.key_package()?])?;
    other.bare.join(&welcome, &crowd.tree()?)?;
    let text = vec![0x55; MESSAGE_BYTES];
    let (begin, mut count) = (Instant::now(), 0_u32);
    while begin.elapsed() < how_long {
        let message = crowd.founder().encrypt(black_box(&text))?;
        ensure!(other.bare.decrypt(&message)? == text, "mls-rs decrypts something else");
        count = count.checked_add(1).context("a very fast machine")?;
    }
    Ok(f64::from(count) / begin.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_encrypts_the_other_decrypts() {
        assert!(messages_per_second(Duration::from_millis(1)).unwrap() > 0.0);
    }
}
