// Both sides of WHIP for the peers that run in Node: `offer URL SECONDS` or `answer PORT SECONDS`.

const http = require("http");

const say = (...words) => console.log(...words);
const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** Runs one call. `peer` has offer(), accept(sdp), answer(sdp), isConnected() and facts(). */
exports.run = async (peer) => {
  const [mode, target, seconds] = process.argv.slice(2);
  try {
    await (mode === "offer" ? post(peer, target) : serve(peer, Number(target)));
    for (let waited = 0; !peer.isConnected(); waited += 50) {
      if (waited > 10000) throw new Error("no connection within 10 seconds");
      await sleep(50);
    }
    say("connected");
    await sleep(seconds * 1000);
    for (const [word, value] of Object.entries(await peer.facts())) say(word, value);
    process.exit(0);
  } catch (error) {
    say("error", String(error).split("\n")[0]);
    process.exit(1);
  }
};

async function post(peer, url) {
  const response = await fetch(url, { method: "POST", headers: { "Content-Type": "application/sdp" }, body: await peer.offer() });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  await peer.accept(text);
}

function serve(peer, port) {
  return new Promise((done, failed) => {
    const server = http.createServer(async (request, response) => {
      let sdp = "";
      for await (const part of request) sdp += part;
      if (request.method !== "POST") return response.end();
      try {
        const answer = await peer.answer(sdp);
        response.writeHead(201, { "Content-Type": "application/sdp", Location: "/call" }).end(answer, done);
      } catch (error) {
        failed(error);
      }
    });
    server.listen(port, "127.0.0.1", () => say("ready"));
  });
}
