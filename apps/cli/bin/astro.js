#!/usr/bin/env node
// Plain JavaScript, because npm links a `bin` only if the file exists at install (and so that any Node can say what it needs).
import '../dist/astro.cjs';
