//! The media ports, on a thread of their own: nothing that the program does beside its calls, be it
//! HTTP, the terminal or the disk, makes a packet wait.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::thread;

use portcullis::driver::{Driver, TcpLimits};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::call::Call;
use crate::error::Error;

/// Ports that are bound, but not served yet.
#[derive(Debug)]
pub(crate) struct Ports {
    /// There until it is served or dropped.
    runtime: Option<Runtime>,
    drivers: Vec<Driver<Call>>,
}

impl Ports {
    /// No port yet.
    pub(crate) fn new() -> Result<Self, Error> {
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Self {
            runtime: Some(runtime.map_err(Error::Socket)?),
            drivers: Vec::new(),
        })
    }

    /// Binds a UDP port.
    pub(crate) fn bind(&mut self, address: SocketAddr) -> Result<&Driver<Call>, Error> {
        let _inside = self.runtime.as_ref().map(Runtime::enter);
        let driver = Driver::bind(address).map_err(Error::bind("UDP", address))?;
        self.drivers.push(driver);
        self.drivers.last().ok_or(Error::Incomplete)
    }

    /// Binds a UDP port; all addresses are those of IPv4 where there is no IPv6.
    pub(crate) fn bind_any(&mut self, address: SocketAddr) -> Result<&Driver<Call>, Error> {
        self.bind(without_ipv6(address))
    }

    /// Binds a TCP port beside the last UDP port.
    pub(crate) fn listen_tcp(&mut self, address: SocketAddr) -> Result<SocketAddr, Error> {
        let _inside = self.runtime.as_ref().map(Runtime::enter);
        let address = without_ipv6(address);
        let driver = self.drivers.last_mut().ok_or(Error::Incomplete)?;
        driver
            .listen_tcp(address, TcpLimits::default())
            .map_err(Error::bind("TCP", address))
    }

    /// Serves them. What comes back is the error of the first that fails.
    pub(crate) fn serve(mut self) -> Result<oneshot::Receiver<io::Result<()>>, Error> {
        let (failed, failure) = oneshot::channel();
        let (runtime, drivers) = (self.runtime.take(), std::mem::take(&mut self.drivers));
        let serve = async move {
            let mut serving = JoinSet::new();
            for driver in drivers {
                serving.spawn(driver.run());
            }
            while let Some(ended) = serving.join_next().await {
                ended.map_err(io::Error::other)??;
            }
            Ok(())
        };
        let body = move || {
            if let Some(runtime) = runtime {
                // Whoever waited for it may be gone.
                let _ = failed.send(runtime.block_on(serve));
            }
        };
        let spawned = thread::Builder::new().name("media".to_owned()).spawn(body);
        spawned.map_err(Error::Socket).map(|_| failure)
    }
}

/// What all addresses are where there may be no IPv6.
fn without_ipv6(address: SocketAddr) -> SocketAddr {
    let all = address.ip() == Ipv6Addr::UNSPECIFIED;
    if all && UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        (Ipv4Addr::UNSPECIFIED, address.port()).into()
    } else {
        address
    }
}

impl Drop for Ports {
    fn drop(&mut self) {
        self.drivers.clear();
        // Dropping it as it is would block, which tokio forbids where other tasks run.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
