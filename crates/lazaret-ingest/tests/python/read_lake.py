"""Reads one file of the lake with PyArrow's own key tools and prints what it saw as JSON.

usage: read_lake.py FILE COLUMNS        (COLUMNS: comma-separated, empty for all)

The key service is in memory: LAKE_KEYS is a JSON object from master key id to key in hexadecimal. A wrapped key
is nonce (12) || ciphertext || tag (16) under AES-256-GCM, with the master key's id as additional data.
Exit code 0: read; 3: PyArrow could not open it with these keys.
"""

import base64
import json
import os
import sys
from datetime import timedelta

import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEYS = {name: bytes.fromhex(key) for name, key in json.loads(os.environ["LAKE_KEYS"]).items()}


class MemoryKms(pe.KmsClient):
    def __init__(self, config):
        pe.KmsClient.__init__(self)

    def wrap_key(self, key_bytes, master_key_identifier):
        raise NotImplementedError("this key service only unwraps")

    def unwrap_key(self, wrapped_key, master_key_identifier):
        sealed = base64.b64decode(wrapped_key)
        cipher = AESGCM(KEYS[master_key_identifier])
        return cipher.decrypt(sealed[:12], sealed[12:], master_key_identifier.encode())


def main():
    path, columns = sys.argv[1], [name for name in sys.argv[2].split(",") if name]
    try:
        factory = pe.CryptoFactory(MemoryKms)
        decryption = factory.file_decryption_properties(
            pe.KmsConnectionConfig(), pe.DecryptionConfiguration(cache_lifetime=timedelta(minutes=5))
        )
        table = pq.ParquetFile(path, decryption_properties=decryption).read(columns=columns or None)
    except Exception as error:  # any failure to open is what the caller asks about
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 3
    seen = {
        "rows": table.num_rows,
        "types": {field.name: str(field.type) for field in table.schema},
        "first": table.slice(0, 1).to_pylist()[0],
    }
    print(json.dumps(seen))
    return 0


sys.exit(main())
