import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { Connections } from './connections.ts';

let server: Server;

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** A connection to a server that answers as the test says. */
async function connectTo(answer: RequestListener): Promise<Socket> {
  const connections = new Connections();
  server = createServer((request, response) => {
    if (connections.begin(response)) answer(request, response);
  });
  server.on('clientError', connections.refuseUnreadable);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1'); // TCP servers have such an address
  return socket.on('error', () => undefined);
}

const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const post = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
const answersIn = (received: string): string[] => [...received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status = '']) => status);

test('what is no request gets a problem and the end of the connection', async () => {
  const socket = await connectTo((_request, response) => response.end('ok'));
  socket.write('GARBAGE\r\n\r\n');
  const received = await text(socket);
  expect(received).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nconnection: close\r\n/);
  expect(JSON.parse(received.split('\r\n\r\n')[1] ?? '')).toMatchObject({ code: 'header_refused', status: 400 });
});

test('so does what comes after a whole request and its answer', async () => {
  const socket = await connectTo((_request, response) => response.end('ok'));
  socket.write(get);
  await once(socket, 'data');
  socket.write('GARBAGE\r\n\r\n');
  expect(answersIn(await text(socket))).toEqual(['400']);
});

test('H-05 nothing is written into an answer that is under way: it is cut', async () => {
  const socket = await connectTo((_request, response) => response.write('half'));
  socket.write(get);
  const [first] = await once(socket, 'data');
  socket.write('GARBAGE\r\n\r\n');
  expect(answersIn(String(first) + (await text(socket)))).toEqual(['200']);
});

test('H-05 a request has one answer, even when its body turns out to be broken after that', async () => {
  const socket = await connectTo((_request, response) => response.writeHead(401).end());
  socket.write(post);
  const [first] = await once(socket, 'data');
  socket.write('not a chunk\r\n');
  expect(answersIn(String(first) + (await text(socket)))).toEqual(['401']);
});

test.each([
  ['asks for another protocol', 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
  ['has chunks in HTTP/1.0', `${post.replace('1.1', '1.0').replace('\r\n\r\n', '\r\nConnection: keep-alive\r\n\r\n')}0\r\n\r\n`],
  ['has a coding that only its name may know', `${post.replace('chunked', 'gzip, chunked')}0\r\n\r\n`],
  ['is refused and says so', 'GET /last HTTP/1.1\r\nHost: x\r\n\r\n'],
])('H-05 nothing is taken after a request that %s', async (_name, bytes) => {
  const taken: (string | undefined)[] = [];
  const socket = await connectTo((request, response) => {
    taken.push(request.url);
    if (request.url === '/last') response.shouldKeepAlive = false;
    response.end('ok');
  });
  socket.write(bytes + get.replace('/', '/smuggled'));
  const received = await text(socket); // ends only because the server hangs up
  expect(answersIn(received)).toEqual(['200']);
  expect(received).toMatch(/^connection: close\r$/im);
  expect(taken).toHaveLength(1);
});
