//! Requests that have come and are not answered yet, and which of them are one request said twice.
//!
//! The original asks again while it waits, and takes one packet for one frame. So:
//! - What it said a second time *before the answer was written* asked for nothing new: nobody acknowledges a message that was not
//!   sent yet. Answered, it would delete a message that nobody has read. It is dropped.
//! - What it says a second time *soon after* may have crossed the answer. It is answered, but not before the original has had time
//!   to look, and whatever else it says twice until then is dropped as well.
//! - Acknowledgements of one sender's messages are all alike. They wait like that only where a client was seen to repeat itself;
//!   others fetch what waits as fast as they can.

use std::collections::VecDeque;
use std::time::Duration;

use hushwire_classic::{DecodeError, Request, RequestDecoder, RequestFrame};
use tokio::time::Instant;

/// How long the same request again waits after its first answer: two looks of the original, and some work between them.
const HOLD: Duration = Duration::from_millis(250);
/// After so many requests that were not said twice a client counts as one that does not.
const WARY: u8 = 8;

/// Requests of one connection that wait at most; beyond, the connection is not read.
const ROOM: usize = 64;

/// What was read of a connection.
#[derive(Default)]
pub(super) struct Incoming {
    decoder: RequestDecoder,
    frames: VecDeque<Result<RequestFrame, DecodeError>>,
    ended: bool,
}

impl Incoming {
    /// Takes bytes as they came.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.ended {
            return;
        }
        self.decoder.push(bytes);
        loop {
            let frame = match self.decoder.next_frame() {
                Ok(None) => return,
                Ok(Some(frame)) => Ok(frame),
                Err(error) => Err(error),
            };
            // After what cannot be skipped nothing can be read.
            self.ended = matches!(frame, Err(DecodeError::Version(_) | DecodeError::TooLarge(_)));
            self.frames.push_back(frame);
            if self.ended {
                return;
            }
        }
    }

    /// The next request.
    pub(super) fn next(&mut self) -> Option<Result<RequestFrame, DecodeError>> {
        self.frames.pop_front()
    }

    /// Drops the repeats of a request whose answer is about to be written; how many there were.
    pub(super) fn drop_repeats(&mut self, of: &RequestFrame) -> usize {
        let before = self.frames.len();
        while self.frames.front().is_some_and(|frame| frame.as_ref() == Ok(of)) {
            self.frames.pop_front();
        }
        before.saturating_sub(self.frames.len())
    }

    /// Whether more should be read now.
    pub(super) fn has_room(&self) -> bool {
        self.frames.len() < ROOM && !self.ended
    }
}

/// What is known of a client's way to repeat itself.
#[derive(Default)]
pub(super) struct Habit {
    last: Option<(RequestFrame, Instant)>,
    wary: u8,
}

impl Habit {
    /// Until when a request waits before it is answered, if it does.
    pub(super) fn held_until(&self, frame: &RequestFrame) -> Option<Instant> {
        let (last, answered_at) = self.last.as_ref()?;
        let is_free = matches!(frame.request, Request::MessageReceived(_)) && self.wary == 0;
        (last == frame && !is_free).then(|| *answered_at + HOLD)
    }

    /// A request was answered at `now`, after `repeats` of it were dropped.
    pub(super) fn answered(&mut self, frame: RequestFrame, repeats: usize, now: Instant) {
        let is_alike = self.last.as_ref().is_some_and(|(last, at)| *last == frame && now < *at + 2 * HOLD);
        let is_repeat = repeats > 0 || is_alike && !matches!(frame.request, Request::MessageReceived(_));
        self.wary = if is_repeat { WARY } else { self.wary.saturating_sub(1) };
        self.last = Some((frame, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hushwire_classic::frame::encode_request;
    use hushwire_classic::{Phone, Request};

    fn phone() -> Phone {
        "0501111111".parse().unwrap()
    }

    #[test]
    fn repeats_that_came_before_the_answer_are_one_request() {
        let read = encode_request(phone(), &Request::MessageReceived("05".parse().unwrap()));
        let login = encode_request(phone(), &Request::Login);
        let mut incoming = Incoming::default();
        for bytes in [&read, &read, &read, &login, &read] {
            incoming.push(bytes);
        }
        let first = incoming.next().unwrap().unwrap();
        assert_eq!(incoming.drop_repeats(&first), 2);
        assert_eq!(incoming.next().unwrap().unwrap().request, Request::Login);
        assert_eq!(
            incoming.next(),
            Some(Ok(first)),
            "what came after another request is a request of its own"
        );
        assert!(incoming.next().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn acknowledgements_wait_only_for_who_repeats() {
        let of = |request: Request| RequestFrame { phone: phone(), request };
        let read = of(Request::MessageReceived(phone()));
        let login = of(Request::Login);
        let (mut habit, now) = (Habit::default(), Instant::now());
        assert_eq!(habit.held_until(&read), None);
        habit.answered(read.clone(), 0, now);
        assert_eq!(habit.held_until(&read), None, "who was never seen to repeat is not held up");
        habit.answered(login.clone(), 0, now);
        assert_eq!(habit.held_until(&login), Some(now + HOLD));
        assert_eq!(habit.held_until(&read), None);
        habit.answered(read.clone(), 1, now);
        for _ in 0..WARY {
            assert_eq!(habit.held_until(&read), Some(now + HOLD));
            habit.answered(read.clone(), 0, now);
        }
        assert_eq!(habit.held_until(&read), None, "who has stopped is not held up any longer");
    }

    #[test]
    fn after_what_is_not_this_protocol_nothing_is_read() {
        let mut incoming = Incoming::default();
        incoming.push(b"GET / HTTP/1.1\r\n");
        incoming.push(&encode_request(phone(), &Request::Login));
        assert!(matches!(incoming.next(), Some(Err(DecodeError::Version(_)))));
        assert!(incoming.next().is_none() && !incoming.has_room());
    }
}
