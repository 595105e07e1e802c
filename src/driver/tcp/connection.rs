//! One connection of ICE-TCP.

use std::io;

use ice_lite::Path;
use ice_lite::tcp::Deframer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::{Instant, timeout_at};

use super::TcpLimits;
use super::registry::{Entry, Outgoing};
use crate::driver::mailbox::{Mailbox, Origin};

/// Bytes read at a time: two or three packets of video.
const READ_LEN: usize = 4096;

/// Carries packets both ways until either side ends the connection, or a limit does.
pub(super) async fn serve(
    mut stream: TcpStream,
    path: Path,
    entry: &Entry,
    mailbox: &Mailbox,
    limits: &TcpLimits,
) {
    let (reader, writer) = stream.split();
    let outgoing = entry.outgoing();
    // Whatever the reason, the connection is closed.
    let _: io::Result<()> = tokio::select! {
        ended = read(reader, path, outgoing, mailbox, limits) => ended,
        ended = write(writer, outgoing) => ended,
    };
}

async fn read(
    mut reader: ReadHalf<'_>,
    path: Path,
    outgoing: &Outgoing,
    mailbox: &Mailbox,
    limits: &TcpLimits,
) -> io::Result<()> {
    let mut deframer = Deframer::new(limits.frame);
    let mut buffer = [0; READ_LEN];
    let opened = Instant::now();
    loop {
        // Nothing that the peer sends keeps the connection alive by itself; what our calls answer does.
        let deadline = match outgoing.last() {
            Some(last) => last + limits.idle,
            None => opened + limits.proof,
        };
        let len = match timeout_at(deadline, reader.read(&mut buffer)).await {
            Ok(read) => read?,
            // A call has sent something while we waited.
            Err(_)
                if outgoing
                    .last()
                    .is_some_and(|last| deadline < last + limits.idle) =>
            {
                continue;
            }
            Err(elapsed) => return Err(elapsed.into()),
        };
        let mut bytes = buffer.get(..len).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(());
        }
        while !bytes.is_empty() {
            bytes = bytes.get(deframer.push(bytes)..).unwrap_or_default();
            while let Some(packet) = deframer.pop().map_err(io::Error::other)? {
                mailbox.post(path, packet, Origin::Connection);
            }
        }
    }
}

async fn write(mut writer: WriteHalf<'_>, outgoing: &Outgoing) -> io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        outgoing.take(&mut buffer).await;
        writer.write_all(&buffer).await?;
    }
}
