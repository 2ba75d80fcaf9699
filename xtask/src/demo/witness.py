"""Stands for services that are not Postern's: answers on each place named on its command line, and prints a line for
everything that arrives there."""

import os
import socket
import sys
import threading


def say(*words):
    print(*words, flush=True)


def tcp(place, host, port):
    listener = socket.create_server((host, int(port)))
    ready.release()
    while True:
        peer, _ = listener.accept()
        say("arrived", place)
        threading.Thread(target=answer, args=(peer, f"hello from {host}\n"), daemon=True).start()


def answer(peer, body):
    with peer:
        peer.recv(4096)
        peer.sendall(
            f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
        )


def udp(place, host, port):
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind((host, int(port)))
    ready.release()
    while True:
        receiver.recvfrom(4096)
        say("arrived", place)


def unix(place, path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o777)
    listener.listen()
    ready.release()
    while True:
        listener.accept()
        say("arrived", place)


ready = threading.Semaphore(0)
for place in sys.argv[1:]:
    kind, *where = place.split(":")
    serve = {"tcp": tcp, "udp": udp, "unix": unix}[kind]
    threading.Thread(target=serve, args=(place, *where), daemon=True).start()
for _ in sys.argv[1:]:
    ready.acquire()
say("ready")
threading.Event().wait()
