"""What the specification says that the original does, over the `cryptography` package: an independent second opinion."""

import os

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.MAX_LENGTH)


def rsa_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=4096)


def sign(key, data):
    return key.sign(data, PSS, hashes.SHA256())


def verify(key, signature, data):
    key.verify(signature, data, PSS, hashes.SHA256())


def public_pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def public_raw(key):
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def private_pem(key, password=None):
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)


def load_private(path, password=None):
    with open(path, "rb") as file:
        return serialization.load_pem_private_key(file.read(), password)


def load_public(data):
    return serialization.load_pem_public_key(data)


def derive(dh, peer_raw, salt):
    shared = dh.exchange(X25519PublicKey.from_public_bytes(peer_raw))
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=b"message_encryption").derive(shared)


def seal(dh, rsa_private, peer_raw, text):
    salt, nonce = os.urandom(16), os.urandom(12)
    sealed = AESGCM(derive(dh, peer_raw, salt)).encrypt(nonce, text.encode(), None)
    return salt + nonce + sign(rsa_private, sealed) + sealed


def open_blob(dh, peer_raw, peer_pem, blob):
    salt, nonce, signature, sealed = blob[:16], blob[16:28], blob[28:540], blob[540:]
    verify(load_public(peer_pem), signature, sealed)
    return AESGCM(derive(dh, peer_raw, salt)).decrypt(nonce, sealed, None).decode()


def new_client(folder, phone, password=None):
    """A client folder as the original leaves it; the two private keys."""
    os.makedirs(folder, exist_ok=True)
    dh, key = X25519PrivateKey.generate(), rsa_key()
    files = {"me.info": phone.encode(), "dh_private_key.pem": private_pem(dh, password),
             "rsa_private_key.pem": private_pem(key, password)}
    for name, data in files.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)
    return dh, key
