//! The page of `listen`, driven from this process without a driver.
//!
//! A server in this process serves a page of its own, which holds the page of `listen` in a frame
//! and asks for scripts to run beside it. Everything else it passes on to `listen`, so that both
//! pages have one origin.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::http::{Request, respond};

/// How long a script may take: a browser starts in two seconds and a call needs one more, on an
/// idle machine.
const LIMIT: Duration = Duration::from_secs(60);

/// How long the page waits for a script before it asks again. After a change of the network Firefox
/// closes each connection over which nothing has come for five seconds
/// (`network.http.network-changed.timeout`), and the first change is that of a new namespace, whose
/// link-local address is ready a second after it.
const PATIENCE: Duration = Duration::from_secs(2);

/// The status of all that the page asks for.
const OK: &str = "200 OK";

/// The page that holds the other: it fetches scripts, runs them and posts what they return.
const HARNESS: &str = r#"<!doctype html><title>harness</title>
<iframe id="frame" src="/" allow="microphone; camera; autoplay" width="900" height="900"></iframe>
<script>
const doc = () => document.getElementById("frame").contentDocument;
const by = (id) => doc().getElementById(id);
const count = (id) => Number(by(id).textContent) || 0;
async function until(test, what) {
  for (let waited = 0; !test(); waited += 50) {
    if (waited > 30000) throw new Error(`waited in vain for ${what}; ${by("state")?.textContent} ${by("error")?.textContent}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}
document.getElementById("frame").addEventListener("load", async () => {
  for (;;) {
    const script = await (await fetch("/harness/next", { cache: "no-store" })).text();
    if (!script) continue;
    let result;
    try {
      const run = new (async () => {}).constructor("doc", "by", "count", "until", script);
      result = { ok: (await run(doc, by, count, until)) ?? null };
    } catch (error) {
      result = { error: String(error) };
    }
    await fetch("/harness/done", { method: "POST", body: JSON.stringify(result) });
  }
});
</script>"#;

/// The page, and the server that drives it.
#[derive(Debug)]
pub struct Page {
    address: SocketAddr,
    scripts: Sender<String>,
    results: Receiver<Value>,
}

/// What each connection of the server needs.
struct Shared {
    /// Where everything comes from that is not the harness; without it, nothing more is there.
    listen: Option<String>,
    scripts: Mutex<Receiver<String>>,
    results: Mutex<Sender<Value>>,
}

impl Page {
    /// Serves the page of the `listen` at `address`; without one, an empty page.
    ///
    /// # Panics
    ///
    /// If there is no port for it.
    #[must_use]
    pub fn serve(address: Option<&str>) -> Self {
        let server = TcpListener::bind("127.0.0.1:0").expect("a port");
        let (scripts, next) = channel();
        let (done, results) = channel();
        let shared = Arc::new(Shared {
            listen: address.map(str::to_owned),
            scripts: Mutex::new(next),
            results: Mutex::new(done),
        });
        let address = server.local_addr().expect("its address");
        thread::spawn(move || {
            for connection in server.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // A browser that is gone leaves its connections broken; that is no failure.
                thread::spawn(move || shared.answer(connection).ok());
            }
        });
        Self {
            address,
            scripts,
            results,
        }
    }

    /// Where the browser finds the page.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/harness", self.address)
    }

    /// Runs the body of an async function in the page and returns what it returns.
    ///
    /// # Panics
    ///
    /// If it throws, or the page does not answer in time.
    pub fn run(&self, script: &str) -> Value {
        self.scripts
            .send(script.to_owned())
            .expect("the server runs");
        let mut result = self
            .results
            .recv_timeout(LIMIT)
            .expect("the page answers in time");
        if let Some(error) = result.get("error") {
            panic!("in the page: {error}");
        }
        result["ok"].take()
    }
}

impl Shared {
    fn answer(&self, mut connection: TcpStream) -> std::io::Result<()> {
        let Some(request) = Request::read(&connection)? else {
            return Ok(());
        };
        match request.line.split(' ').nth(1) {
            Some("/harness") => respond(&mut connection, OK, "text/html", HARNESS),
            Some("/harness/next") => {
                let scripts = self.scripts.lock().expect("no thread panics with it");
                match scripts.recv_timeout(PATIENCE) {
                    Ok(script) => respond(&mut connection, OK, "text/plain", &script),
                    Err(RecvTimeoutError::Timeout) => {
                        respond(&mut connection, OK, "text/plain", "")
                    }
                    Err(RecvTimeoutError::Disconnected) => Ok(()),
                }
            }
            Some("/harness/done") => {
                let result = serde_json::from_slice(&request.body)?;
                // Nobody waits any more when the test has failed already.
                let _ = self
                    .results
                    .lock()
                    .expect("no thread panics with it")
                    .send(result);
                respond(&mut connection, OK, "text/plain", "")
            }
            _ => match &self.listen {
                Some(listen) => request.pass_on(listen, &mut connection),
                None => respond(&mut connection, OK, "text/html", "<!doctype html>"),
            },
        }
    }
}
