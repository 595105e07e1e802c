//! The runner's framing: datagrams and clock commands on one TCP stream, integers big-endian.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// What the runner asks of the shim.
#[derive(Debug)]
pub(crate) enum Command {
    /// A datagram arrived.
    Datagram(Vec<u8>),
    /// Acknowledge, then let this much time pass.
    Timeout(Duration),
    /// The largest datagram that may be sent from now on, in bytes.
    SetMtu(usize),
    /// The next timeout must be due exactly then; `None`: no timer may run.
    ExpectTimeout(Option<Duration>),
    /// The initial retransmission timeout from now on.
    SetInitialTimeout(Duration),
    /// The runner closed its side.
    EndOfStream,
}

/// The TCP connection to the runner.
pub(crate) struct Transport {
    stream: TcpStream,
}

impl Transport {
    /// Connects and introduces this process as `shim_id`.
    pub(crate) fn connect(ipv6: bool, port: u16, shim_id: u64) -> io::Result<Self> {
        let host = if ipv6 { "::1" } else { "127.0.0.1" };
        let mut stream = TcpStream::connect((host, port))?;
        stream.set_nodelay(true)?;
        stream.write_all(&shim_id.to_le_bytes())?;
        Ok(Self { stream })
    }

    /// Waits for the next command.
    pub(crate) fn receive(&mut self) -> io::Result<Command> {
        let mut opcode = [0; 1];
        match self.stream.read_exact(&mut opcode) {
            Ok(()) => {}
            Err(e) if is_end_of_stream(&e) => return Ok(Command::EndOfStream),
            Err(e) => return Err(e),
        }
        match opcode[0] {
            b'P' => {
                let mut datagram = vec![0; self.read_u32()? as usize];
                self.stream.read_exact(&mut datagram)?;
                Ok(Command::Datagram(datagram))
            }
            b'T' => Ok(Command::Timeout(Duration::from_nanos(self.read_u64()?))),
            b'M' => Ok(Command::SetMtu(self.read_u32()? as usize)),
            b'E' => {
                let nanos = self.read_u64()?;
                Ok(Command::ExpectTimeout(
                    (nanos != u64::MAX).then(|| Duration::from_nanos(nanos)),
                ))
            }
            b'U' => Ok(Command::SetInitialTimeout(Duration::from_millis(
                self.read_u32()?.into(),
            ))),
            _ => Err(io::Error::new(
                ErrorKind::InvalidData,
                "unknown opcode from the runner",
            )),
        }
    }

    /// Sends one datagram.
    pub(crate) fn send_datagram(&mut self, datagram: &[u8]) -> io::Result<()> {
        let mut frame = Vec::with_capacity(5 + datagram.len());
        frame.push(b'P');
        frame.extend_from_slice(&(datagram.len() as u32).to_be_bytes());
        frame.extend_from_slice(datagram);
        self.stream.write_all(&frame)
    }

    /// Acknowledges a [`Command::Timeout`]; what is sent after this counts as sent after it.
    pub(crate) fn acknowledge_timeout(&mut self) -> io::Result<()> {
        self.stream.write_all(b"t")
    }

    /// Closes the sending side and reads until the runner closes its own.
    pub(crate) fn finish(mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        let _ = io::copy(&mut self.stream, &mut io::sink());
    }

    fn read_u32(&mut self) -> io::Result<u32> {
        let mut bytes = [0; 4];
        self.stream.read_exact(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn read_u64(&mut self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.stream.read_exact(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }
}

fn is_end_of_stream(e: &io::Error) -> bool {
    matches!(
        e.kind(),
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
    )
}
