//! The evidence of a handshake: its datagrams and its secrets, in the forms that Wireshark reads.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use etherparse::PacketBuilder;
use pcap_file::DataLink;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};

/// The files of a handshake: its datagrams, its key log, what the peer said.
pub(super) const EXTENSIONS: [&str; 3] = ["pcap", "keys", "log"];

/// Writes the datagrams of a handshake.
pub(super) struct Capture {
    packets: PcapWriter<BufWriter<File>>,
    pub(super) keys: Arc<KeyFile>,
}

impl Capture {
    /// Files at `path`, with the extensions of [`EXTENSIONS`].
    pub(super) fn new(path: &Path) -> std::io::Result<Self> {
        let packets = BufWriter::new(File::create(path.with_added_extension("pcap"))?);
        let header = PcapHeader {
            datalink: DataLink::IPV4,
            ..PcapHeader::default()
        };
        let packets = PcapWriter::with_header(packets, header).map_err(std::io::Error::other)?;
        let keys = File::create(path.with_added_extension("keys"))?;
        Ok(Self {
            packets,
            keys: Arc::new(KeyFile(Mutex::new(keys))),
        })
    }

    /// A datagram between two ports of this host.
    pub(super) fn write(&mut self, from: u16, to: u16, payload: &[u8]) -> std::io::Result<()> {
        let host = Ipv4Addr::LOCALHOST.octets();
        let builder = PacketBuilder::ipv4(host, host, 64).udp(from, to);
        let mut packet = Vec::with_capacity(builder.size(payload.len()));
        builder
            .write(&mut packet, payload)
            .map_err(std::io::Error::other)?;
        let time = SystemTime::now().duration_since(UNIX_EPOCH);
        let length = packet.len() as u32;
        let packet = PcapPacket::new(time.unwrap_or_default(), length, &packet);
        self.packets
            .write_packet(&packet)
            .map_err(std::io::Error::other)?;
        Ok(())
    }
}

/// A key log.
#[derive(Debug)]
pub(super) struct KeyFile(Mutex<File>);

impl dtls::KeyLog for KeyFile {
    fn log(&self, line: &str) {
        if let Ok(mut file) = self.0.lock() {
            // Evidence that can't be written is missed by whoever looks for it.
            let _ = writeln!(file, "{line}");
        }
    }
}
