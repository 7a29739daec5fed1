//! What the server does, until it is killed.

use std::time::Duration;

use hushwire_wire::frame::{self, ClientFrame, ServerFrame};
use hushwire_wire::{Request, Response};

use super::{Happening, World};
use crate::simulator::failure::{Failure, OrFail};
use crate::simulator::link::{LinkId, Side};

impl World {
    pub(super) fn arrive_at_server(&mut self, link: LinkId, frame: bytes::Bytes) -> Result<(), Failure> {
        let connection = self.links.get(&link).and_then(|ends| ends.connection);
        let (Some(connection), true) = (connection, self.server.running.is_some()) else { return Ok(()) };
        let ClientFrame::Request { request_id, request } =
            frame::decode_client(frame).or_fail("a device's frame")?
        else {
            return Err(Failure::new("a device asked what this version does not know"));
        };
        if self.fault(self.plan.server_kills) {
            self.kill_server("before a request");
            return Ok(());
        }
        if let Some(lie) = self.swallow(&request) {
            let frame = frame::encode_server(Some(request_id), &lie).or_fail(lie.name())?;
            self.transmit(link, Side::Client, frame);
            return Ok(());
        }
        let (now, name) = (self.now, request.name());
        let direct = self.server.running.as_mut().or_fail("the server")?;
        direct.request(connection, request_id, request.clone(), now);
        let frames = direct.take_frames(connection);
        self.witness(link, &request, &frames)?;
        self.note(|| format!("server did {} {name}", request_id.number()));
        if self.fault(self.plan.server_kills) {
            self.kill_server("after a request");
            return Ok(());
        }
        self.tell(link, frames)?;
        self.flush()
    }

    /// Notes what the server has accepted, whoever is told of it.
    fn witness(&mut self, link: LinkId, request: &Request, frames: &[ServerFrame]) -> Result<(), Failure> {
        let Some(client) = self.links.get(&link).map(|ends| ends.client) else { return Ok(()) };
        let by = self.client(client)?.device;
        for frame in frames {
            if let Response::MessageSent(sent) = &frame.response {
                self.truth.accept(self.server.store(), by, request, sent)?;
            }
        }
        Ok(())
    }

    /// What the server says goes out on a connection, as it is or bent.
    fn tell(&mut self, link: LinkId, frames: Vec<ServerFrame>) -> Result<(), Failure> {
        let Some(client) = self.links.get(&link).map(|ends| ends.client) else { return Ok(()) };
        for honest in frames {
            let Some(ServerFrame { request_id, response }) = self.bend(client, honest) else { continue };
            let frame = frame::encode_server(request_id, &response).or_fail(response.name())?;
            self.note(|| format!("server says {} on link {}: {}", response.name(), link.0, said(&response)));
            self.transmit(link, Side::Client, frame);
        }
        Ok(())
    }

    /// What the server has to say goes out on every connection.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        let open: Vec<_> =
            self.links.iter().filter_map(|(link, ends)| Some((*link, ends.connection?))).collect();
        for (link, connection) in open {
            let Some(direct) = self.server.running.as_mut() else { return Ok(()) };
            let (frames, is_open) = (direct.take_frames(connection), direct.is_open(connection));
            self.tell(link, frames)?;
            if !is_open {
                self.close(link);
            }
        }
        Ok(())
    }

    /// The server ends a connection; what it has sent still arrives.
    pub(super) fn close(&mut self, link: LinkId) {
        let now = self.now;
        let Some(ends) = self.links.get_mut(&link) else { return };
        if let (Some(connection), Some(direct)) = (ends.connection.take(), self.server.running.as_mut()) {
            direct.disconnect(connection);
        }
        ends.cut(Side::Server, now);
        let at = ends.send(Side::Client, now, Duration::from_millis(1));
        self.at(at, Happening::Notice { link, by: Side::Client });
    }

    pub(super) fn kill_server(&mut self, when: &str) {
        self.kills = self.kills.saturating_add(1);
        self.note(|| format!("the server is killed {when}"));
        self.server.kill();
        let links: Vec<LinkId> =
            self.links.iter().filter(|(_, ends)| ends.connection.is_some()).map(|(link, _)| *link).collect();
        for link in links {
            self.close(link);
        }
        let after = self.dice.below(8000);
        self.later(after, Happening::StartServer);
    }

    pub(super) fn chores(&mut self) {
        let now = self.now;
        if let Some(direct) = self.server.running.as_mut() {
            direct.tick(now);
        }
        self.later(60_000, Happening::Chores);
    }
}

fn said(response: &Response) -> String {
    match response {
        Response::Error(error) => format!("{:?} {}", error.code, error.text),
        Response::Delivery(delivery) => {
            let entries = delivery.entries.iter().map(|entry| {
                let kind = format!("{:?}", entry.kind);
                let kind: String = kind.chars().take_while(|letter| letter.is_alphanumeric()).collect();
                format!("{}={kind}", entry.seq.0)
            });
            entries.collect::<Vec<_>>().join(" ")
        }
        Response::MessageSent(sent) => format!("send {} order {}", sent.send_seq.0, sent.order.0),
        _ => String::new(),
    }
}
