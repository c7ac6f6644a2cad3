"""Core AI: conversion with coreai-torch, and sessions of its runtime in a process of its own."""
