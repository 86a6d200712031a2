"""The ChaCha20 keystream from OpenSSL, for generators of vectors."""

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20


def keystream(seed: bytes, nonce: bytes, first_block: int, blocks: int) -> bytes:
    """Blocks of 64 bytes, from a 32-bit block number on (RFC 8439)."""
    counter_and_nonce = first_block.to_bytes(4, "little") + nonce
    encryptor = Cipher(ChaCha20(seed, counter_and_nonce), mode=None).encryptor()
    return encryptor.update(bytes(64 * blocks))
