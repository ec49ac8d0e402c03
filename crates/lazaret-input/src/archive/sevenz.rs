//! 7z.
#[derive(Debug, Clone)]
pub struct Chain;
impl Chain {
    pub(super) fn codec(&self) -> crate::decompress::Codec { crate::decompress::Codec::Copy }
    pub(super) fn open(&self, _: &super::Window, _: &std::sync::Arc<std::sync::atomic::AtomicU64>, _: &lazaret_core::Limits) -> Result<Box<dyn std::io::Read + Send>, crate::decompress::UnpackError> { Ok(Box::new(std::io::empty())) }
}
