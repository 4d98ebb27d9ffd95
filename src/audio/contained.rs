//! Contained open: opens a file below a watched folder, and never one that a link leads to elsewhere.
//!
//! A recording is opened by its name many times (by the watcher, the listener, the workers, the player). In between, whoever may write to its folder
//! can replace the file, or a folder above it, by a link. So each time the kernel is asked to resolve the name inside the folder (openat2,
//! RESOLVE_BENEATH). The folders are known to the whole process, so that no reader can forget to name them.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};
use rustix::io::Errno;

static WATCHED: RwLock<Vec<PathBuf>> = RwLock::new(Vec::new());

/// Says that others write to these folders.
pub fn watch(folders: &[PathBuf]) {
    let mut watched = WATCHED.write().unwrap_or_else(PoisonError::into_inner);
    for folder in folders {
        if !watched.contains(folder) {
            watched.push(folder.clone());
        }
    }
}

/// Opens a file for reading; one in a watched folder only if it lies there. Blocks, but not on a pipe that somebody named like a recording.
pub fn open_file(path: &Path) -> io::Result<File> {
    match root_of(path) {
        Some(root) => open_contained(&root, path),
        None => File::open(path),
    }
}

/// Whether others write to the folder of a file.
pub fn is_watched(path: &Path) -> bool {
    root_of(path).is_some()
}

fn root_of(path: &Path) -> Option<PathBuf> {
    let watched = WATCHED.read().unwrap_or_else(PoisonError::into_inner);
    watched.iter().filter(|root| path.starts_with(root)).min_by_key(|root| root.as_os_str().len()).cloned()
}

/// Opens the file `path`, which must lie in the folder `root`. Blocks. [`io::ErrorKind::CrossesDevices`] says that its name leads elsewhere.
pub fn open_contained(root: &Path, path: &Path) -> io::Result<File> {
    let folder = open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let inside = path.strip_prefix(root).map_err(|_| io::Error::from(Errno::XDEV))?;
    let read = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let contained = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    match openat2(&folder, inside, read, Mode::empty(), contained) {
        Ok(file) => Ok(file.into()),
        // An absolute link is refused even when it points back inside: what it points to is opened by its own name, without any link.
        Err(Errno::XDEV) => {
            let (target, root) = (path.canonicalize()?, root.canonicalize()?);
            let inside = target.strip_prefix(&root).map_err(|_| io::Error::from(Errno::XDEV))?;
            Ok(openat2(&folder, inside, read, Mode::empty(), contained | ResolveFlags::NO_SYMLINKS)?.into())
        }
        // Kernels before 5.6, and sandboxes that do not know the call: the same question, asked before opening.
        Err(Errno::NOSYS | Errno::PERM) => {
            let (target, root) = (path.canonicalize()?, root.canonicalize()?);
            if !target.starts_with(root) {
                return Err(Errno::XDEV.into());
            }
            Ok(open(&target, read | OFlags::NOFOLLOW, Mode::empty())?.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether an error says that a name led out of its folder.
pub fn led_out(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::XDEV.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    fn read(root: &Path, name: &str) -> io::Result<String> {
        let mut text = String::new();
        open_contained(root, &root.join(name))?.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn no_link_no_dots_and_no_folder_lead_out() {
        let outside = tempfile::tempdir().expect("temp dir");
        std::fs::write(outside.path().join("secret.wav"), "secret").expect("write");
        let folder = tempfile::tempdir().expect("temp dir");
        let root = folder.path();
        std::fs::create_dir(root.join("day")).expect("mkdir");
        std::fs::write(root.join("day/good.wav"), "good").expect("write");
        symlink("day/good.wav", root.join("near.wav")).expect("link");
        symlink(root.join("day/good.wav"), root.join("absolute.wav")).expect("link");
        symlink(outside.path().join("secret.wav"), root.join("far.wav")).expect("link");
        symlink(outside.path(), root.join("far")).expect("link");
        symlink("/proc/self/root", root.join("magic")).expect("link");
        for inside in ["day/good.wav", "near.wav", "absolute.wav"] {
            assert_eq!(read(root, inside).expect(inside), "good");
        }
        let dots = format!("../{}/secret.wav", outside.path().file_name().expect("name").to_string_lossy());
        let magic = format!("magic{}/secret.wav", outside.path().display());
        for out in ["far.wav", "far/secret.wav", &dots, &magic] {
            let error = read(root, out).expect_err(out);
            assert!(led_out(&error), "{out}: {error}");
        }
        assert!(open_contained(root, &outside.path().join("secret.wav")).is_err_and(|error| led_out(&error)));
        assert!(read(root, "none.wav").is_err_and(|error| error.kind() == io::ErrorKind::NotFound));
    }

    #[test]
    fn a_file_that_became_a_link_since_it_was_taken_is_not_read_again() {
        let (outside, folder) = (tempfile::tempdir().expect("temp dir"), tempfile::tempdir().expect("temp dir"));
        std::fs::write(outside.path().join("a.wav"), "secret").expect("write");
        let path = folder.path().join("a.wav");
        std::fs::write(&path, "good").expect("write");
        watch(&[folder.path().to_path_buf()]);
        assert!(open_file(&path).is_ok());
        std::fs::remove_file(&path).expect("remove");
        symlink(outside.path().join("a.wav"), &path).expect("link");
        assert!(open_file(&path).is_err_and(|error| led_out(&error)));
        assert!(open_file(&outside.path().join("a.wav")).is_ok(), "other folders are nobody's business");
    }
}
