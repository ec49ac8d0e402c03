//! Buckets of object stores, read as folders are: S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage.
//!
//! Addresses are those of the providers' own tools (`s3://BUCKET/PREFIX`, `gs://…`, `az://CONTAINER/…`), and so is how whoever
//! asks proves who they are: the environment (`AWS_…`, `GOOGLE_…`, `AZURE_…`), else the identity of the machine or the pod. The
//! providers' protocols are spoken by `object_store`; the connections are the ones of every other server that is asked.
//!
//! | file | what is in it |
//! |---|---|
//! | `objects` | a bucket, what lies in it, and the bytes of one object |
//! | `http` | the connections below it |
//! | `refusal` | why a store did not give what it was asked for |

mod http;
mod objects;
mod refusal;

pub(crate) use self::objects::{Bucket, Looks, MAX_OBJECTS, NO_ADDRESS, Object, is_bucket, is_plain};
