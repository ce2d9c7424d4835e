//! `fs`: what the standard library does, while only the tasklet waits.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

use tasklets::fs::{self, File, OpenOptions};
use tasklets::{BlockOnError, current, spawn};
use tempfile::tempdir;

use crate::common::{checked, scale};

/// Runs `body` with a folder of its own.
fn in_folder(body: impl FnOnce(&Path) -> io::Result<()> + Send + 'static) {
    checked(|| {
        let folder = tempdir().unwrap();
        let path = folder.path().to_owned();
        spawn(move || body(&path)).join().unwrap().unwrap();
    });
}

#[test]
fn whole_files() {
    in_folder(|folder| {
        let (one, two) = (folder.join("one"), folder.join("two"));
        fs::write(&one, "text")?;
        assert_eq!(fs::read(&one)?, b"text");
        assert_eq!(fs::read_to_string(&one)?, "text");
        assert_eq!(fs::copy(&one, &two)?, 4);
        fs::write(&one, vec![0xff])?;
        assert_eq!(fs::read_to_string(&one).unwrap_err().kind(), ErrorKind::InvalidData);
        fs::rename(&two, &one)?;
        assert!(fs::exists(&one)? && !fs::exists(&two)?);
        assert_eq!(fs::read_to_string(&one)?, "text");
        assert_eq!(fs::metadata(&one)?.len(), 4);
        fs::remove_file(&one)?;
        assert_eq!(fs::read(&one).unwrap_err().kind(), ErrorKind::NotFound);
        Ok(())
    });
}

#[test]
fn folders() {
    in_folder(|folder| {
        let deep = folder.join("a/b/c");
        assert_eq!(fs::create_dir(&deep).unwrap_err().kind(), ErrorKind::NotFound);
        fs::create_dir_all(&deep)?;
        // More than are read at once.
        for number in 0..200 {
            std::fs::write(deep.join(format!("{number}")), "")?;
        }
        let names: io::Result<Vec<_>> =
            fs::read_dir(&deep)?.map(|entry| Ok(entry?.file_name().into_string().unwrap())).collect();
        let mut names: Vec<u32> = names?.iter().map(|name| name.parse().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, (0..200).collect::<Vec<_>>());
        assert!(fs::read_dir(deep.join("7")).is_err());
        assert!(fs::symlink_metadata(folder.join("a"))?.is_dir());
        assert!(fs::canonicalize(&deep)?.ends_with("a/b/c"));
        assert!(fs::remove_dir(&deep).is_err());
        fs::remove_dir_all(folder.join("a"))?;
        assert_eq!(fs::read_dir(folder)?.count(), 0);
        Ok(())
    });
}

#[test]
fn a_file_is_read_written_and_sought_in() {
    in_folder(|folder| {
        let path = folder.join("file");
        let mut file = File::create_new(&path)?;
        assert_eq!(File::create_new(&path).unwrap_err().kind(), ErrorKind::AlreadyExists);
        file.write_all(b"0123456789")?;
        assert_eq!(file.seek(SeekFrom::Current(-7))?, 3);
        let mut middle = [0; 4];
        file.read_exact(&mut middle)?;
        assert_eq!(&middle, b"3456");
        file.set_len(5)?;
        file.rewind()?;
        let mut text = String::new();
        assert_eq!(file.read_to_string(&mut text)?, 5);
        assert_eq!((&*text, file.read(&mut middle)?), ("01234", 0));
        file.flush()?;
        file.sync_all()?;
        file.sync_data()?;
        assert_eq!(file.metadata()?.len(), 5);

        let mut end = OpenOptions::new().append(true).open(&path)?;
        end.write_all(b"!")?;
        let mut same = file.try_clone()?;
        assert_eq!(same.stream_position()?, file.stream_position()?);
        assert_eq!(same.read(&mut middle)?, 1);
        assert_eq!(file.stream_position()?, 6);
        assert!(format!("{file:?}").contains("File"));
        let mut std = file.into_std()?;
        std.rewind()?;
        assert_eq!(io::read_to_string(std)?, "01234!");
        Ok(())
    });
}

#[test]
fn large_files_go_in_pieces() {
    in_folder(|folder| {
        let path = folder.join("large");
        let content: Vec<u8> = (0..scale(3_000_000)).map(|number| (number % 251) as u8).collect();
        let mut file = File::create(&path)?;
        file.write_all(&content)?;
        let mut read = vec![0; content.len()];
        File::open(&path)?.read_exact(&mut read)?;
        assert!(read == content);
        let copied = io::copy(&mut BufReader::new(File::open(&path)?), &mut File::create(folder.join("copy"))?)?;
        assert_eq!(copied, content.len() as u64);
        assert!(fs::read(folder.join("copy"))? == content);
        Ok(())
    });
}

#[test]
fn lines_one_after_the_other() {
    in_folder(|folder| {
        let path = folder.join("lines");
        fs::write(&path, (0..1_000).map(|number| format!("{number}\r\n")).collect::<String>())?;
        let sum: u32 = fs::lines(&path)?.map(|line| line.unwrap().parse::<u32>().unwrap()).sum();
        assert_eq!(sum, 499_500);
        assert_eq!(BufReader::new(File::open(&path)?).lines().count(), 1_000);
        Ok(())
    });
}

#[test]
fn many_tasklets_have_files_at_once() {
    checked(|| {
        let folder = tempdir().unwrap();
        let tasklets: Vec<_> = (0..scale(50))
            .map(|number| {
                let path = folder.path().join(number.to_string());
                spawn(move || -> io::Result<()> {
                    fs::write(&path, number.to_string())?;
                    assert_eq!(fs::read_to_string(&path)?, number.to_string());
                    fs::remove_file(&path)
                })
            })
            .collect();
        tasklets.iter().for_each(|tasklet| tasklet.join().unwrap().unwrap());
    });
}

#[test]
fn who_may_not_wait_is_told_what_for() {
    checked(|| {
        let tasklet = spawn(|| {
            current().set_block_trap(true);
            let error = fs::read("Cargo.toml").unwrap_err();
            let inner = error.get_ref().unwrap().downcast_ref::<BlockOnError>().unwrap();
            let text = inner.to_string();
            assert!(text.contains("fs::read") && text.contains("files.rs") && text.contains("block trap"), "{text}");
        });
        tasklet.join().unwrap();
    });
}
