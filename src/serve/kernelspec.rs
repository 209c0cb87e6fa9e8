//! Kernelspecs.
