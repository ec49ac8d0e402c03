//! Clinical records into the lake.
