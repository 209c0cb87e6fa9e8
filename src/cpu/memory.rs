//! How the C library's allocator treats the memory of tensors.

/// Freed memory is kept for the next tensor, up to 64 MB of it, and only blocks above 32 MB are mapped one by one. By
/// default, memory goes back to the system and comes again, page by page, several times in a training step.
pub(super) fn keep_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // Safety: these two only change what later calls of `malloc` and `free` do.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 64 << 20);
    }
}
