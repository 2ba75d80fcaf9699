//! Questions that come as datagrams.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;

use gateway_audit::event::{AnswerGiven, Asked, Transport};
use tokio::net::UdpSocket;
use tokio::sync::Semaphore;

use super::{Front, MAX_QUESTION};
use crate::audit::strangers::Listed;
use crate::intercept::{loopback, no_ipv6};
use crate::report::one_line;
use crate::sys;

/// Questions being answered at once; the next ones wait in the socket, and are lost when that is full.
const UNDER_WAY: usize = 256;

/// A socket where questions arrive.
#[derive(Debug)]
pub struct Desk {
    socket: UdpSocket,
    /// By which the enforcer knows the network namespace of the socket.
    netns: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot listen for DNS on {address}")]
pub struct DeskError {
    address: SocketAddr,
    source: io::Error,
}

impl Desk {
    /// The desks on this host's loopback.
    pub async fn open(port: u16) -> Result<Vec<Self>, DeskError> {
        let mut desks = Vec::new();
        for address in loopback(port) {
            match Self::bind(address).await {
                Ok(desk) => desks.push(desk),
                // A host without IPv6 has no ::1.
                Err(error) if address.is_ipv6() && no_ipv6(&error) => (),
                Err(source) => return Err(DeskError { address, source }),
            }
        }
        Ok(desks)
    }

    async fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(address).await?;
        let netns = sys::cookie_of(socket.as_fd())?;
        Ok(Self { socket, netns })
    }
}

impl Front {
    /// Answers at a desk for as long as the task lives.
    pub async fn answer(self, desk: Desk) {
        let desk = Arc::new(desk);
        let under_way = Arc::new(Semaphore::new(UNDER_WAY));
        let mut buffer = vec![0; MAX_QUESTION + 1];
        loop {
            let Ok(place) = Arc::clone(&under_way).acquire_owned().await else { return };
            let (length, from) = match desk.socket.recv_from(&mut buffer).await {
                Ok(received) => received,
                Err(error) => {
                    tracing::debug!(%error, "cannot receive a question");
                    continue;
                }
            };
            let message = buffer.get(..length).unwrap_or_default().to_vec();
            let (front, desk) = (self.clone(), Arc::clone(&desk));
            tokio::spawn(async move {
                front.answer_datagram(&desk, from, &message).await;
                drop(place);
            });
        }
    }

    async fn answer_datagram(&self, desk: &Desk, from: SocketAddr, message: &[u8]) {
        let whose = match self.enforcer.whose_datagram(desk.netns, from).await {
            Ok(Some(whose)) if self.targets.is_configured(&whose.agent) => whose,
            Ok(_) => return self.drop_stranger().await,
            Err(error) => {
                tracing::warn!(error = one_line(&error), "cannot tell whose a question is");
                return self.drop_stranger().await;
            }
        };
        if let Some(reply) = self.reply(&whose, Transport::Udp, message).await
            && let Err(error) = desk.socket.send_to(&reply, from).await
        {
            tracing::debug!(%error, "an answer did not reach its asker");
        }
    }

    async fn drop_stranger(&self) {
        let answer = AnswerGiven::Dropped;
        if self.strangers.asked(answer) == Listed::Counted {
            return self.counts.asked(None, answer);
        }
        let asked = Asked { who: None, transport: Transport::Udp, name: None, kind: None, answer };
        // Dropped either way.
        let _recorded = self.record(asked).await;
    }
}
