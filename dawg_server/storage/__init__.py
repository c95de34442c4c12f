"""Where files live: a folder by default, S3 when a bucket is named. Both keep the same promises."""

from dawg_server.storage.base import Storage, StoredFile

__all__ = ["Storage", "StoredFile"]
