//! A path that loses, doubles and reorders datagrams: a proxy between a browser and a host.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// How often each thing befalls a datagram: one in twenty.
const SHARE: f64 = 0.05;

/// How long a datagram is held back if no other follows that could overtake it.
const HELD: Duration = Duration::from_millis(50);

/// Room for any datagram.
const DATAGRAM: usize = 65_535;

/// A UDP port in front of another. It is closed when this value is dropped.
#[derive(Debug)]
pub struct Impaired {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    dice: Mutex<StdRng>,
    ended: AtomicBool,
    /// Datagrams to which something happened.
    impaired: AtomicU64,
}

impl Impaired {
    /// A port on `ip` before the one at `upstream`. What happens follows from `seed`.
    ///
    /// # Errors
    ///
    /// Those of its socket.
    pub fn new(ip: IpAddr, upstream: SocketAddr, seed: u64) -> io::Result<Self> {
        let port = Arc::new(UdpSocket::bind((ip, 0))?);
        let address = port.local_addr()?;
        let shared = Arc::new(Shared {
            dice: Mutex::new(StdRng::seed_from_u64(seed)),
            ended: AtomicBool::new(false),
            impaired: AtomicU64::new(0),
        });
        let lanes = Arc::clone(&shared);
        // A port that fails loses datagrams, which is what it is for.
        thread::spawn(move || serve(&lanes, &port, upstream).ok());
        Ok(Self { address, shared })
    }

    /// Where the clients send to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// To how many datagrams something happened so far.
    #[must_use]
    pub fn impaired(&self) -> u64 {
        self.shared.impaired.load(Ordering::Relaxed)
    }
}

impl Drop for Impaired {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
    }
}

/// Takes what clients send; each gets a socket of its own towards the host.
fn serve(shared: &Arc<Shared>, port: &Arc<UdpSocket>, upstream: SocketAddr) -> io::Result<()> {
    let mut clients: HashMap<SocketAddr, (Arc<UdpSocket>, Fate)> = HashMap::new();
    port.set_read_timeout(Some(HELD))?;
    let mut buf = vec![0; DATAGRAM];
    while !shared.ended.load(Ordering::Relaxed) {
        let Ok((length, client)) = port.recv_from(&mut buf) else {
            for (socket, fate) in clients.values_mut() {
                send(fate.release(), |datagram| socket.send(datagram));
            }
            continue;
        };
        let (socket, fate) = match clients.entry(client) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let socket = Arc::new(UdpSocket::bind((port.local_addr()?.ip(), 0))?);
                socket.connect(upstream)?;
                let (shared, port) = (Arc::clone(shared), Arc::clone(port));
                let back = Arc::clone(&socket);
                thread::spawn(move || give_back(&shared, &back, &port, client).ok());
                entry.insert((socket, Fate::default()))
            }
        };
        let fated = fate.decide(shared, &buf[..length]);
        send(fated, |datagram| socket.send(datagram));
    }
    Ok(())
}

/// Takes what the host sends to one client.
fn give_back(
    shared: &Shared,
    from: &UdpSocket,
    port: &UdpSocket,
    client: SocketAddr,
) -> io::Result<()> {
    let mut fate = Fate::default();
    let mut buf = vec![0; DATAGRAM];
    from.set_read_timeout(Some(HELD))?;
    while !shared.ended.load(Ordering::Relaxed) {
        let fated = match from.recv(&mut buf) {
            Ok(length) => fate.decide(shared, &buf[..length]),
            Err(_) => fate.release(),
        };
        send(fated, |datagram| port.send_to(datagram, client));
    }
    Ok(())
}

fn send(datagrams: Vec<Vec<u8>>, to: impl Fn(&[u8]) -> io::Result<usize>) {
    for datagram in datagrams {
        // One that can't be sent is lost, as others are.
        let _ = to(&datagram);
    }
}

/// What happens in one direction of one path.
#[derive(Debug, Default)]
struct Fate {
    /// Waits to be overtaken.
    held: Option<Vec<u8>>,
}

impl Fate {
    /// What is sent on when this datagram comes.
    fn decide(&mut self, shared: &Shared, datagram: &[u8]) -> Vec<Vec<u8>> {
        let datagram = datagram.to_vec();
        let roll: f64 = match shared.dice.lock() {
            Ok(mut dice) => dice.random(),
            Err(_) => 1.0,
        };
        if roll < 3.0 * SHARE {
            shared.impaired.fetch_add(1, Ordering::Relaxed);
        }
        let mut fated = if roll < SHARE {
            Vec::new()
        } else if roll < 2.0 * SHARE {
            vec![datagram.clone(), datagram]
        } else if roll < 3.0 * SHARE && self.held.is_none() {
            self.held = Some(datagram);
            return Vec::new();
        } else {
            vec![datagram]
        };
        fated.append(&mut self.release());
        fated
    }

    /// What waits, since nothing comes that could overtake it.
    fn release(&mut self) -> Vec<Vec<u8>> {
        self.held.take().into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many datagrams of 400 arrive in each way, for this seed.
    fn fates(seed: u64) -> (usize, u64, bool) {
        let shared = Shared {
            dice: Mutex::new(StdRng::seed_from_u64(seed)),
            ended: AtomicBool::new(false),
            impaired: AtomicU64::new(0),
        };
        let mut fate = Fate::default();
        let arrived: Vec<_> = (0..400_u16)
            .flat_map(|n| fate.decide(&shared, &n.to_be_bytes()))
            .collect();
        let impaired = shared.impaired.load(Ordering::Relaxed);
        (arrived.len(), impaired, arrived.is_sorted())
    }

    #[test]
    fn datagrams_are_lost_doubled_and_reordered_as_the_seed_says() {
        let (arrived, impaired, is_sorted) = fates(1);
        assert_eq!((arrived, impaired, is_sorted), fates(1));
        assert!((40..80).contains(&impaired), "{impaired}");
        assert!(!is_sorted, "some were overtaken");
        assert_ne!(fates(1), fates(2));
    }
}
