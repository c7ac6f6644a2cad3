"""Core ML: conversion with coremltools, and sessions of our engine or of Core ML itself."""
