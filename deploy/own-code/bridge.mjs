// Posts orders to b24-bridge and receives its callbacks. Node 18 or newer, nothing else.
//
// BRIDGE_URL=http://127.0.0.1:8080 BRIDGE_KEY=... node bridge.mjs send order.json
// CALLBACK_SECRET=whsec_... node bridge.mjs receive 8000
// node bridge.mjs check

import assert from "node:assert";
import { createHmac, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const TOLERANCE = 300;

// Sends until the bridge has it: 202 is "stored". The same event may be sent any number of times.
async function send(event) {
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await fetch(`${process.env.BRIDGE_URL}/v1/events`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${process.env.BRIDGE_KEY}`,
          "content-type": "application/cloudevents+json",
        },
        body: JSON.stringify(event),
        signal: AbortSignal.timeout(10_000),
      });
      const said = await answer.text();
      if (answer.status === 202) return said;
      // 4xx: the event is wrong, and sending it again does not help. The answer says where.
      if (answer.status < 500 || attempt > 3) throw Object.assign(new Error(said), { final: true });
    } catch (error) {
      if (error.final || attempt > 3) throw error;
    }
    await sleep(1000 * 2 ** (attempt - 1));
  }
}

function sign(secret, id, timestamp, body) {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  return "v1," + createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
}

function verify(secret, headers, body, now) {
  const id = headers["webhook-id"] ?? "";
  const timestamp = headers["webhook-timestamp"] ?? "";
  if (!id || !/^\d+$/.test(timestamp) || Math.abs(now - Number(timestamp)) > TOLERANCE) return false;
  const wanted = Buffer.from(sign(secret, id, timestamp, body));
  return (headers["webhook-signature"] ?? "")
    .split(" ")
    .map((given) => Buffer.from(given))
    .some((given) => given.length === wanted.length && timingSafeEqual(given, wanted));
}

// The order in `order.json`; where this file was copied alone, one as small as it can be.
async function sample() {
  try {
    return JSON.parse(await readFile(new URL("order.json", import.meta.url), "utf8")).data;
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    const items = [{ name: "Kettle", quantity: 1, price: "1990.00" }];
    const order = { number: "1001", status: "N", currency: "RUB", total: "1990.00" };
    return { ...order, updated_at: "2026-01-15T10:00:00+03:00", items };
  }
}

// In place of the shop's database: the snapshots of its orders.
const orders = new Map([["1001", await sample()]]);
const taken = new Set();
// Statuses that do not deny a payment.
const PAID = ["P", "F"];

// Whether the message denies what the order is by now: above all, money that was taken.
function denied(order, data) {
  if (data.denies) return data.denies.some((fact) => order[fact]);
  return Boolean(order.paid) && !PAID.includes(data.status);
}

// From a message to status and answer. The bridge repeats a message until it is answered with 2xx.
function receive(id, data) {
  if (taken.has(id)) return [200, { result: "duplicate" }];
  const order = orders.get(data.number);
  if (!order) return [404, { error: "there is no such order" }];
  if (order.status !== data.status && order.status !== data.previous_status) {
    // The shop went elsewhere meanwhile: the bridge decides afresh, knowing the whole order.
    return [409, { snapshot: order }];
  }
  if (order.status !== data.status && denied(order, data)) return [409, { snapshot: order }];
  order.status = data.status;
  taken.add(id);
  return [200, { result: "changed" }];
}

async function handle(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > 1 << 20) return [413, { error: "the message is too large" }];
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  if (!verify(process.env.CALLBACK_SECRET, request.headers, body, Date.now() / 1000)) {
    return [401, { error: "the signature is wrong, or the message is too old" }];
  }
  const event = JSON.parse(body);
  if (event.type !== "bridge.order.status.v1") return [200, { result: "ignored" }];
  return receive(request.headers["webhook-id"], event.data);
}

// The example of the Standard Webhooks specification.
function check() {
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const headers = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  };
  const body = '{"test": 2432232314}';
  assert(verify(secret, headers, body, 1614265330));
  assert(!verify(secret, headers, body, 1614265330 + TOLERANCE + 1));
  assert(!verify(secret, headers, body + " ", 1614265330));
}

const [command, argument] = process.argv.slice(2);
if (command === "send") {
  console.log(await send(JSON.parse(await readFile(argument, "utf8"))));
} else if (command === "receive") {
  const server = createServer(async (request, response) => {
    const [status, answer] = await handle(request).catch(() => [503, { error: "the shop is in trouble: try again" }]);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
  });
  server.listen(Number(argument), "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
} else if (command === "check") {
  check();
} else {
  console.error("node bridge.mjs send FILE | receive PORT | check");
  process.exitCode = 2;
}
