//! A heap with four children to each node: half as deep as one with two, and the four lie next to each other.

pub(super) struct Heap<T> {
    nodes: Vec<T>,
}

impl<T> Default for Heap<T> {
    fn default() -> Heap<T> {
        Heap { nodes: Vec::new() }
    }
}

impl<T: Copy + Ord> Heap<T> {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// All of them, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.nodes.iter()
    }

    /// The least.
    #[inline]
    pub(super) fn peek(&self) -> Option<&T> {
        self.nodes.first()
    }

    #[inline]
    pub(super) fn push(&mut self, node: T) {
        let mut at = self.nodes.len();
        self.nodes.push(node);
        while at != 0 {
            let parent = (at - 1) / 4;
            if self.nodes[parent] <= node {
                break;
            }
            self.nodes[at] = self.nodes[parent];
            at = parent;
        }
        self.nodes[at] = node;
    }

    /// Takes the least out.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<T> {
        let last = self.nodes.pop()?;
        let Some(first) = self.nodes.first().copied() else { return Some(last) };
        self.sink(0, last);
        Some(first)
    }

    /// Puts a node where one is missing that has none above it that are greater.
    #[inline]
    fn sink(&mut self, mut at: usize, node: T) {
        let nodes = &mut self.nodes[..];
        loop {
            let first = at * 4 + 1;
            let children = match nodes.get(first..first + 4) {
                Some(four) => four,
                None if first < nodes.len() => &nodes[first..],
                None => break,
            };
            let mut least = (first, children[0]);
            for (number, child) in children.iter().enumerate().skip(1) {
                if *child < least.1 {
                    least = (first + number, *child);
                }
            }
            if node <= least.1 {
                break;
            }
            nodes[at] = least.1;
            at = least.0;
        }
        nodes[at] = node;
    }

    /// Takes all of them out, in no order.
    pub(super) fn take_all(&mut self) -> Vec<T> {
        std::mem::take(&mut self.nodes)
    }

    pub(super) fn retain(&mut self, stays: impl FnMut(&T) -> bool) {
        self.nodes.retain(stays);
        for at in (0..self.nodes.len().div_ceil(4)).rev() {
            self.sink(at, self.nodes[at]);
        }
    }
}
