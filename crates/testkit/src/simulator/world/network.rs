//! Connections: how they begin, carry frames, break, and are missed.

use std::time::Duration;

use hushwire_engine::Input;
use hushwire_types::Timestamp;
use hushwire_wire::frame::{self, ServerFrame};
use hushwire_wire::{Hello, Response};

use super::{Happening, NONCE, World};
use crate::simulator::client::{Line, Phase};
use crate::simulator::failure::{Failure, OrFail};
use crate::simulator::link::{Link, LinkId, Side};
use crate::simulator::server::peer;

impl World {
    pub(super) fn connect(&mut self, client: usize, life: u64) -> Result<(), Failure> {
        if !self.is_life(client, life) || self.client(client)?.line.is_some() {
            return Ok(());
        }
        let Some(direct) = self.server.running.as_mut() else {
            let after = self.dice.between(300, 2000);
            self.later(after, Happening::Connect { client, life });
            return Ok(());
        };
        let connection = direct.connect(peer());
        // Happenings are numbered, so their count names what came of one.
        let link = LinkId(self.thought);
        self.links.insert(link, Link::new(client, connection));
        self.note(|| format!("{client} connects"));
        let mut line = Line::new(link);
        let number = line.number();
        self.client(client)?.line = Some(line);
        let hello = Hello { min_version: 2, max_version: 2, features: Vec::new(), nonce: NONCE };
        self.request(client, number, &hello.into())
    }

    pub(super) fn transmit(&mut self, link: LinkId, to: Side, frame: bytes::Bytes) {
        if self.fault(self.plan.breaks) {
            self.break_link(link);
        }
        let slow = if self.dice.happens(50) { 3000 } else { 80 };
        let delay = Duration::from_millis(self.dice.between(1, slow));
        let now = self.now;
        let Some(ends) = self.links.get_mut(&link) else { return };
        let at = ends.send(to, now, delay);
        self.at(at, Happening::Arrive { link, to, frame });
    }

    /// Both directions end, each at its own time, and each side notices at its own.
    pub(super) fn break_link(&mut self, link: LinkId) {
        self.breaks = self.breaks.saturating_add(1);
        self.note(|| format!("link {} breaks", link.0));
        for side in [Side::Server, Side::Client] {
            let at = self.now.after(Duration::from_millis(self.dice.below(100)));
            if let Some(ends) = self.links.get_mut(&link) {
                ends.cut(side, at);
            }
            let after = self.dice.between(100, 8000);
            self.later(after, Happening::Notice { link, by: side });
        }
    }

    pub(super) fn notice(&mut self, link: LinkId, by: Side) {
        let now = self.now;
        let Some(ends) = self.links.get_mut(&link) else { return };
        let client = ends.client;
        match by {
            Side::Server => {
                ends.cut(Side::Server, now);
                if let (Some(connection), Some(direct)) =
                    (ends.connection.take(), self.server.running.as_mut())
                {
                    direct.disconnect(connection);
                }
            }
            Side::Client => self.lose_line(client, link),
        }
    }

    pub(super) fn lose_line(&mut self, client: usize, link: LinkId) {
        let Some(device) = self.clients.get_mut(client) else { return };
        let Some(line) = device.line.take_if(|line| line.link == link) else { return };
        if line.phase == Phase::Online {
            device.inbox.push(Input::Offline);
        }
        let life = device.life;
        self.note(|| format!("{client} is offline"));
        self.hang_up(link);
        self.work_soon(client);
        let after = self.dice.between(50, 2000);
        self.later(after, Happening::Connect { client, life });
    }

    pub(super) fn arrive(
        &mut self,
        link: LinkId,
        to: Side,
        at: Timestamp,
        frame: bytes::Bytes,
    ) -> Result<(), Failure> {
        let Some(ends) = self.links.get_mut(&link) else { return Ok(()) };
        if ends.is_cut(to, at) {
            return Ok(());
        }
        self.trace.frame(&frame);
        match to {
            Side::Server => self.arrive_at_server(link, frame),
            Side::Client => self.arrive_at_client(link, frame),
        }
    }

    pub(super) fn arrive_at_client(&mut self, link: LinkId, frame: bytes::Bytes) -> Result<(), Failure> {
        let Some(client) = self.links.get(&link).map(|ends| ends.client) else { return Ok(()) };
        let ServerFrame { request_id, response } =
            frame::decode_server(frame).or_fail("the server's frame")?;
        let device = self.client(client)?;
        let Some(line) = device.line.as_mut().filter(|line| line.link == link) else { return Ok(()) };
        let input = match (line.phase, request_id, response) {
            (Phase::Greeting, Some(_), Response::Welcomed(welcomed)) => {
                line.phase = Phase::LoggingIn;
                let number = line.number();
                let login = device.login(&welcomed, &NONCE)?;
                return self.request(client, number, &login);
            }
            (Phase::LoggingIn, Some(_), Response::LoggedIn(logged_in)) => {
                line.phase = Phase::Online;
                Input::Online(logged_in)
            }
            (Phase::Online, Some(id), response) => {
                let Some(tag) = line.answered(id.number()) else { return Ok(()) };
                let result = match response {
                    Response::Error(error) => Err(error),
                    response => Ok(response),
                };
                Input::Answer { tag, result }
            }
            (Phase::Online, None, Response::Delivery(delivery)) => Input::Deliveries(delivery.entries),
            (Phase::Online, None, Response::Listening(listening)) => Input::Listening(listening.through_seq),
            (_, None, Response::Fenced(_)) => return Ok(()),
            (phase, _, response) => {
                return Err(Failure::new(format!("device {client}, {phase:?}, was told {response:?}")));
            }
        };
        device.inbox.push(input);
        self.work_soon(client);
        Ok(())
    }
}
