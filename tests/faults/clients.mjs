// Clients of the floods: those that do not behave, WebSockets, and long bodies.

import http from "node:http";
import net from "node:net";
import { WebSocket } from "ws";
import { ASSERTION, JWKS } from "./ask.mjs";

const MEGABYTE = 1024 * 1024;

/** Sends half of the head, and then nothing. */
export function halfARequest(port) {
  const socket = net.connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(`GET ${JWKS} HTTP/1.1\r\nHost: backstage.example.com\r\nX-Slow: `);
  return socket;
}

/** Asks for a megabyte, and reads nothing of it. */
export function anUnreadDownload(port, assertion) {
  const socket = net.connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.pause();
  socket.write(
    `GET /big?mb=1 HTTP/1.1\r\nHost: backstage.example.com\r\n${ASSERTION}: ${assertion}\r\n\r\n`,
  );
  return socket;
}

/** Sends ten messages of its own, with pauses, and counts those that come back. */
export function echo(port, number, assertion, pauseMs = 0) {
  return new Promise((resolve) => {
    const headers = assertion === undefined ? {} : { [ASSERTION]: assertion };
    const socket = new WebSocket(`ws://127.0.0.1:${port}/socket`, { headers });
    let echoes = 0;
    const next = () => socket.send(`${number}: ${echoes}`);
    socket.on("open", next);
    socket.on("message", (data) => {
      if (String(data) !== `${number}: ${echoes}`) return resolve(`${data} for ${number}`);
      echoes += 1;
      if (echoes < 10) setTimeout(next, pauseMs);
      else socket.close();
    });
    socket.on("close", () => resolve(`${echoes} echoes`));
    socket.on("error", ({ message }) => resolve(message));
  });
}

export function upload(port, assertion, megabytes) {
  return new Promise((resolve) => {
    const headers = { [ASSERTION]: assertion, "content-length": megabytes * MEGABYTE };
    const options = { host: "127.0.0.1", port, path: "/big?mb=0", method: "POST", headers };
    const request = http.request(options, (response) => {
      resolve(Number(response.headers["x-received"]) / MEGABYTE);
      response.resume();
    });
    request.on("error", ({ message }) => resolve(message));
    const chunk = Buffer.alloc(MEGABYTE, 7);
    let sent = 0;
    const more = () => {
      while (sent < megabytes) {
        sent += 1;
        if (!request.write(chunk)) return request.once("drain", more);
      }
      request.end();
    };
    more();
  });
}

export function download(port, assertion, megabytes) {
  return new Promise((resolve) => {
    const path = `/big?mb=${megabytes}`;
    const headers = { [ASSERTION]: assertion };
    const request = http.get({ host: "127.0.0.1", port, path, headers }, (response) => {
      let received = 0;
      response.on("data", (chunk) => {
        received += chunk.length;
      });
      response.on("error", ({ message }) => resolve(message));
      response.on("end", () => resolve(received / MEGABYTE));
    });
    request.on("error", ({ message }) => resolve(message));
  });
}
